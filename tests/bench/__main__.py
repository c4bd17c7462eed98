# SPDX-License-Identifier: BSD-2-Clause
"""``python -m tests.bench``, which is ``make bench``: files beside other programs, and what reads a great table.

Prints it as tables, and writes the same to build/bench.json.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from tests.bench import file_table, reader_table

RESULT = Path(__file__).resolve().parents[2] / "build/bench.json"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--packets", type=int, default=5_000_000, help="of the drawn captures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--capture", choices=tuple(file_table.CAPTURES), action="append", help="which (all)")
    options = parser.parse_args()
    load = [os.getloadavg()]
    tables = [
        file_table.table(name, options.packets, options.rounds) for name in options.capture or file_table.CAPTURES
    ]
    reading = reader_table.measure()
    load.append(os.getloadavg())
    print("\n".join(file_table.lines(tables)), end="\n\n")
    print("\n".join(reader_table.lines(reading)))
    before, after = load[0][0], load[1][0]
    print(f"\n{options.rounds} rounds, {os.cpu_count()} CPUs, load average {before:.1f} before and {after:.1f} after")
    RESULT.parent.mkdir(exist_ok=True)
    result = {"load": load, "tables": [asdict(table) for table in tables], "reading": asdict(reading)}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {RESULT}")


if __name__ == "__main__":
    main()
