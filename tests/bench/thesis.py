# SPDX-License-Identifier: BSD-2-Clause
"""The thesis's experiments on this machine: ``python -m tests.bench.thesis [--write]``, which is ``make bench-thesis``.

Its chapter 8: sockets by mode without flows, the probe by cores, throughput by size of frame. Here the link is a veth
pair and the sender shares the machine with the probe; zero copy needs a NIC that has it (docs/capture-modes.md). With
--write the table goes to docs/thesis.md and the picture to docs/thesis.svg. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bar_chart import Bar, Panel, draw
from tests.bench.live_run import Live, Traffic, live_run
from tests.bench.program_cost import Spread, spread

ROOT = Path(__file__).resolve().parents[2]
SIZES = (64, 250, 500, 1000, 1514)
FLOWS = 65_536
AUTOGROUP = Path("/proc/self/autogroup")
MODES = {"generic": ("-S",), "native copy": ("-N", "-c")}


@dataclass(frozen=True)
class Case:
    """One bar: what is run, and what the thesis says of the same, in its words."""

    experiment: str
    name: str
    options: tuple[str, ...]
    size: int = 64
    senders: tuple[int, ...] = (1,)
    thesis: str = ""


@dataclass(frozen=True)
class Result:
    """A case, and its runs."""

    case: Case
    runs: tuple[Live, ...]

    @property
    def mpps(self) -> Spread:
        """Million packets received a second."""
        return spread([run.mpps for run in self.runs])

    @property
    def lost(self) -> float:
        """Percent of all that was sent."""
        return 100 * sum(run.lost for run in self.runs) / sum(run.sent for run in self.runs)

    @property
    def gbit_s(self) -> float:
        """Frames as they lie in memory, without preamble, FCS and gap."""
        return self.mpps.median * self.case.size * 8 / 1000


def cases() -> Iterable[Case]:
    """Yield them by experiment."""
    for mode, options in MODES.items():
        yield Case(
            "socket", f"{mode}, no flows", (*options, "--cpus", "0", "--drain"), thesis="a picture without numbers"
        )
    for mode, options in MODES.items():
        yield Case("socket", f"{mode}, with flows", (*options, "--cpus", "0"))
    native = MODES["native copy"]
    yield Case("cores", "1 core, no flows", (*native, "--cpus", "0", "--drain"), thesis="zero copy: 2.4 Mpps a socket")
    yield Case("cores", "1 core, with flows", (*native, "--cpus", "0"), thesis="zero copy: 1.8 Mpps a socket")
    both = (*native, "--cpus", "0,1")
    yield Case("cores", "2 cores that also send, no flows", (*both, "--drain"), senders=(0, 1))
    yield Case("cores", "2 cores that also send, with flows", both, senders=(0, 1))
    for size in SIZES:
        words = "8 cores, a picture without numbers" if size in (250, 500, 1000) else ""
        yield Case("size", f"{size} bytes", (*native, "--cpus", "0"), size=size, thesis=words)


def measured(frames: int, rounds: int) -> list[Result]:
    """Run all cases in each round; generic XDP, which is slower, gets fewer frames."""
    runs: dict[Case, list[Live]] = {case: [] for case in cases()}
    for _ in range(rounds):
        for case, lives in runs.items():
            count = frames // 4 if "-S" in case.options else frames
            lives.append(live_run(Traffic(count, FLOWS, case.size, case.senders), *case.options))
    return [Result(case, tuple(lives)) for case, lives in runs.items()]


def lines(results: Iterable[Result]) -> Iterable[str]:
    """Yield a table in Markdown."""
    yield "| experiment | case | Mpps received (least-most) | Gbit/s | lost, % | in hand, ns a packet | the thesis |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | --- |"
    for result in results:
        case = result.case
        busy = spread([run.busy_ns for run in result.runs]).median
        figures = f"{result.mpps.text(2)} | {result.gbit_s:.2f} | {result.lost:.1f} | {busy:.0f}"
        yield f"| {case.experiment} | {case.name} | {figures} | {case.thesis} |"


def picture(results: list[Result]) -> str:
    """Return the plot; the thesis's bars are the figures that its text names."""
    panels = []
    titles = {
        "socket": "Socket performance by mode: Mpps received, one socket",
        "cores": "Probe performance: Mpps received",
        "size": "Throughput by size of frame, one worker with flows: Gbit/s",
    }
    theirs = {
        "socket": [Bar("zero copy, no flows", 2.4, "2.4", "theirs")],
        "cores": [
            Bar("1 core, no flows (zero copy)", 2.4, "2.4", "theirs"),
            Bar("1 core, with flows (zero copy)", 1.8, "1.8", "theirs"),
            Bar("8 cores, with flows (zero copy)", 14.88, "14.88 = 10 GbE", "theirs"),
        ],
        "size": [],
    }
    for name, title in titles.items():
        bars = []
        for result in results:
            if result.case.experiment != name:
                continue
            value = result.gbit_s if name == "size" else result.mpps.median
            more = f"  ({result.mpps.median:.2f} Mpps)" if name == "size" else ""
            bars.append(Bar(result.case.name, value, f"{value:.2f}{more}"))
        panels.append(Panel(title, bars + theirs[name]))
    legend = {"ours": "xtop, veth, native copy unless said", "theirs": "the thesis, Intel X552, 10 GbE"}
    return draw("The thesis's experiments", panels, legend)


def page(table: Iterable[str], notes: Iterable[str]) -> str:
    """Return docs/thesis.md."""
    return "\n".join(
        (
            "<!-- SPDX-License-Identifier: BSD-2-Clause; written by `make bench-thesis ARGS=--write` -->",
            "# The thesis's experiments on this machine",
            "",
            "The thesis measured on a 10 GbE NIC, in zero copy, with up to eight cores. Here the link is a veth pair,",
            "in copy mode, of a virtual machine with two cores, of which one sends. So rows compare with each other;",
            "with the thesis the shape compares, not the height. In hand is the time for which a worker has frames.",
            "Where two cores also send, each shares its core with a sender: a third and more is lost, and these rows",
            "tell what overload does, not what two cores can.",
            "",
            *table,
            "",
            *notes,
            "",
            "![The same as bars](thesis.svg)",
            "",
        )
    )


def session() -> str:
    """Return how the scheduler ranks what the bench starts, but for the capture, among other sessions."""
    words = AUTOGROUP.read_text().split() if AUTOGROUP.exists() else []
    return " ".join(words[1:]) or "as any other"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    results = measured(options.frames, options.rounds)
    unseen = sum(run.unseen for result in results for run in result.runs)
    table = list(lines(results))
    notes = [
        f"{options.frames:,} frames (generic: a quarter) of {FLOWS:,} flows, {options.rounds} rounds; {unseen} unseen.",
        f"Load average {load:.1f} before, {os.getloadavg()[0]:.1f} after; the bench's session: {session()}.",
    ]
    print("\n".join((*table, "", *notes)))
    text = json.dumps([{**vars(one.case), "runs": [vars(run) for run in one.runs]} for one in results], indent=1)
    (ROOT / "build/bench-thesis.json").write_text(text + "\n")
    if options.write:
        (ROOT / "docs/thesis.md").write_text(page(table, notes))
        (ROOT / "docs/thesis.svg").write_text(picture(results))


if __name__ == "__main__":
    main()
