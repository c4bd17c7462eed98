# SPDX-License-Identifier: BSD-2-Clause
"""The results as a table: a line for each NIC under each kernel and each check, and what failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .machine import Outcome
from .plan import Run


@dataclass
class Line:
    """What came of one check."""

    nic: str
    kernel: str
    check: str
    outcome: str  # pass, refused, fault
    words: str
    good: bool


def lines(run: Run, kernel: str, outcome: Outcome) -> Iterator[Line]:
    """Yield one for each check that was asked for, run or not."""
    found: dict[str, Any] = {result["check"]: result for result in outcome.results}
    for check in run.checks:
        result = found.get(check)
        if result is None:
            last = outcome.kernel_log.strip().splitlines()[-3:]
            yield Line(run.nic, kernel, check, "fault", f"the guest never came to it: {' / '.join(last)}", False)
            continue
        good = result["outcome"] == "pass" or (result["outcome"] == "refused" and check in run.refusals)
        yield Line(run.nic, kernel, check, result["outcome"], result["words"], good)


def reason(line: Line) -> str:
    """A cell: pass, or why not in the fewest words, the kernel's where it refused."""
    if line.outcome == "refused":
        found = re.search(r"driver: ([^;)]+)|\((\w[^;()]*)[;)]", line.words)
        return next(part for part in found.groups() if part) if found else line.words
    return line.outcome if line.outcome == "pass" else "FAULT"


def render(rows: list[Line]) -> str:
    """Return the table as Markdown, which is readable as it is."""
    text = ["| NIC | kernel | check | result | seen |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        seen = " ".join(row.words.split()) if row.outcome == "pass" else ""
        text.append(f"| {row.nic} | {row.kernel} | {row.check} | {reason(row)} | {seen} |")
    for row in rows:
        if not row.good:
            text.append(f"\n{row.nic}, {row.kernel}, {row.check}: {row.outcome}\n{row.words}")
    return "\n".join(text)
