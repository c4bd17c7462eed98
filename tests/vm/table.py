# SPDX-License-Identifier: BSD-2-Clause
"""The results as tables: NIC × kernel × mode, then each check with what was seen, then what failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .machine import Outcome
from .plan import MODES, Run


@dataclass
class Line:
    """What came of one check."""

    nic: str
    kernel: str
    check: str
    outcome: str  # pass, refused, fault, not run
    words: str
    good: bool


def lines(run: Run, kernel: str, outcome: Outcome) -> Iterator[Line]:
    """Yield one for each check that was asked for, run or not."""
    for check in run.checks:
        result = outcome.results.get(check)
        if result is None:
            yield Line(run.nic, kernel, check, "fault", outcome.missing(check), False)
            continue
        good = result["outcome"] == "pass" or (result["outcome"] == "refused" and check in run.refusals)
        yield Line(run.nic, kernel, check, result["outcome"], result["words"], good)


def reason(line: Line) -> str:
    """Pass, or why not in the fewest words, the kernel's where it refused."""
    if line.outcome == "not run":
        return f"not run: {line.words}"
    if line.outcome != "refused":
        return "pass" if line.outcome == "pass" else "FAULT"
    kind = re.search("native XDP|zero copy|multi-buffer", line.words)
    whose = re.search(r"driver: ([^;)]+)", line.words)
    return f"{kind[0]}: {whose[1]}" if kind and whose else line.words.removeprefix("xtop: error: ")


def summary(rows: list[Line]) -> str:
    """Return the table NIC × kernel × mode."""
    text = [
        "| NIC | kernel | declared (xdp-features) | generic | native copy | zero copy | jumbo frames "
        "| chosen by itself | eBPF counting | tuned, and put back |",
        "| --- " * 10 + "|",
    ]
    for nic, kernel in dict.fromkeys((row.nic, row.kernel) for row in rows):
        cells = {row.check: row for row in rows if (row.nic, row.kernel) == (nic, kernel)}
        jumbo = ", ".join(reason(cells[check]) for mode in MODES if (check := f"jumbo-{mode}") in cells)
        row = [nic, kernel, _words(cells, "features"), *(_mode(cells, mode) for mode in MODES), jumbo]
        text.append(f"| {' | '.join([*row, *(_words(cells, check) for check in ('auto', 'ebpf', 'tune'))])} |")
    return "\n".join(text)


def _words(cells: dict[str, Line], check: str) -> str:
    if check not in cells:
        return ""
    return "not run" if cells[check].outcome == "not run" else " ".join(cells[check].words.split())


def _mode(cells: dict[str, Line], mode: str) -> str:
    """Return what came of a mode, and over how many queues where that differs or it passed."""
    found = {queues: reason(cells[check]) for queues in ("1", "4") if (check := f"{mode}-{queues}") in cells}
    if not found:
        return ""
    if len(set(found.values())) > 1:
        return ", ".join(f"{queues}: {words}" for queues, words in found.items())
    words = next(iter(found.values()))
    return f"{words} ({' and '.join(found)} RX)" if words == "pass" else words


def details(rows: list[Line]) -> str:
    """Return every check with what was seen."""
    text = ["| NIC | kernel | check | result | seen |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        seen = {"pass": " ".join(row.words.split()), "fault": row.words.partition("\n")[0]}.get(row.outcome, "")
        text.append(f"| {row.nic} | {row.kernel} | {row.check} | {reason(row)} | {seen} |")
    return "\n".join(text)


def faults(rows: list[Line]) -> str:
    """Return what came out otherwise than it must, in full; "" = nothing."""
    return "\n".join(
        f"\n{row.nic}, {row.kernel}, {row.check}: {row.outcome}\n{row.words}"
        for row in rows
        if not row.good and row.outcome != "not run"
    )
