# SPDX-License-Identifier: BSD-2-Clause
"""What a screen costs the worker that it looks at: ``python -m tests.bench.reader_cost``.

The flow path of live capture goes through 64-byte frames in memory, all flows alike, which is the worst case; a reader
on another CPU takes the first 200 of all flows once a second, as the screen does, in every other window. Times are the
worker's CPU time a packet, so what is compared is caches and memory, not who got the CPU. ``build/native-tests`` must
be there (``make test`` builds it).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

from tests.bench.program_cost import spread

PROGRAM = Path("build/native-tests/tests/native/reader_cost")


def measure(flows: int, pairs: int, seconds: int) -> dict[str, object]:
    """Return the ratio of watched to alone over so many pairs of windows, and ns a packet alone."""
    command = [str(PROGRAM), str(flows), str(pairs), str(seconds)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    figures = [(float(alone), float(watched)) for alone, watched in (line.split() for line in lines)]
    ratio = spread([watched / alone for alone, watched in figures])
    return {
        "flows": flows,
        "pairs": pairs,
        "seconds": seconds,
        "ns_per_packet_alone": round(spread([alone for alone, _ in figures]).median, 1),
        "ratio": {name: round(value, 3) for name, value in asdict(ratio).items()},
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=2, help="of a window")
    options = parser.parse_args()
    print(json.dumps(measure(options.flows, options.pairs, options.seconds)))


if __name__ == "__main__":
    main()
