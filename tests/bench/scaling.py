# SPDX-License-Identifier: BSD-2-Clause
"""What workers take from each other: ``python -m tests.bench.scaling``.

Flow paths that share nothing but the machine: `xtop bench` on one CPU alone, and on all CPUs at once, each with a table
and frames of its own, in turns. Times are CPU time, so what is compared is caches and memory, not who got the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.program_cost import spread

BENCH = Path(sys.executable).parent / "xtop-bench"
CASES = {
    "1,000,000 flows, all alike": ["--flows", "1000000"],
    "1,000,000 flows, Zipf 1.0": ["--flows", "1000000", "--zipf", "1"],
    "10,000 flows": ["--flows", "10000"],
}

Figures = tuple[float, float]  # ns a packet, and the memory's floor of the same run


def at_once(cpus: Sequence[int], options: Sequence[str]) -> list[Figures]:
    """Run the bench on all these CPUs at the same time."""
    command = [str(BENCH), "--json", "--repeat", "3", *options]
    runs = [subprocess.Popen([*command, "--cpu", str(cpu)], stdout=subprocess.PIPE) for cpu in cpus]
    answers = [json.loads(run.communicate()[0]) for run in runs]
    return [(answer["ns_per_packet"], answer["floor_ns_per_packet"]) for answer in answers]


def lines(cpus: Sequence[int], packets: int, rounds: int) -> Iterable[str]:
    """Yield a table in Markdown; figures are median (least-most) over CPUs and rounds."""
    yield "| flows | workers | ns a packet | memory's floor, ns | Mpps, all together | of one worker's, times workers |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name, options in CASES.items():
        alone: list[Figures] = []
        together: list[Figures] = []
        for _ in range(rounds):
            alone += [figures for cpu in cpus for figures in at_once([cpu], [*options, "--packets", str(packets)])]
            together += at_once(cpus, [*options, "--packets", str(packets)])
        one = 1000 / spread([own for own, _ in alone]).median
        for workers, figures in ((1, alone), (len(cpus), together)):
            own, floor = (spread([figure[part] for figure in figures]) for part in (0, 1))
            rate = 1000 / own.median * workers
            share = f"{rate / (one * workers):.2f}"
            yield f"| {name} | {workers} | {own.text(1)} | {floor.text(1)} | {rate:.1f} | {share} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    cpus = sorted(os.sched_getaffinity(0))
    print("\n".join(lines(cpus, options.packets, options.rounds)))
    print(f"\n{options.rounds} rounds, CPUs {cpus}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
