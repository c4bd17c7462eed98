# SPDX-License-Identifier: BSD-2-Clause
"""An examination as text for people and as one JSON object for scripts."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

from rich.text import Text

from xtop.doctor.examination import Examination, LinkExamination
from xtop.doctor.finding import Finding, Verdict

SCHEMA = "xtop.doctor/1"
_LOOKS = {  # mark, mark without Unicode, style
    Verdict.OK: ("✓", "+", "green"),
    Verdict.BETTER: ("~", "~", "yellow"),
    Verdict.PROBLEM: ("✗", "!", "bold red"),
    Verdict.UNKNOWN: ("?", "?", "dim"),
}
_WORD_WIDTH = max(len(verdict.value) for verdict in Verdict)
_NARROWEST = 40


def examination_json(examination: Examination) -> str:
    """Return the examination as one JSON object and a newline."""
    content = {
        "schema": SCHEMA,
        "machine": [_plain(finding) for finding in examination.machine],
        "interfaces": [
            {"name": link.name, "findings": [_plain(finding) for finding in link.findings]}
            for link in examination.links
        ],
        "summary": {verdict.name.lower(): examination.count(verdict) for verdict in Verdict},
    }
    return json.dumps(content, indent=2) + "\n"


def examination_lines(examination: Examination, width: int | None, unicode: bool) -> Iterator[Text]:
    """Yield the lines, wrapped to ``width`` cells (None = not at all); marks are plain ASCII without ``unicode``."""
    yield Text("machine", "bold")
    yield from _section(examination.machine, width, unicode)
    for link in examination.links:
        yield Text("")
        yield Text(link.name, "bold")
        yield from _brief(link, width, unicode) if examination.short else _section(link.findings, width, unicode)
    yield Text("")
    yield Text(_summary(examination))


def _section(findings: tuple[Finding, ...], width: int | None, unicode: bool) -> Iterator[Text]:
    column = max(len(finding.name) for finding in findings)
    for finding in findings:
        yield from _finding_lines(finding, column, width, unicode)


def _brief(link: LinkExamination, width: int | None, unicode: bool) -> Iterator[Text]:
    """What an interface is and how it would be captured; of the rest only what is wrong with it."""
    shown = link.findings[:2] + tuple(finding for finding in link.findings[2:] if finding.verdict is Verdict.PROBLEM)
    yield from _section(shown, width, unicode)
    better = sum(finding.verdict is Verdict.BETTER for finding in link.findings)
    if better:
        yield Text(f"  {better} could be better: xtop doctor -i {link.name}", "dim")


def _finding_lines(finding: Finding, column: int, width: int | None, unicode: bool) -> Iterator[Text]:
    mark, plain, style = _LOOKS[finding.verdict]
    head = f"{mark if unicode else plain} {finding.verdict.value:<{_WORD_WIDTH}}"
    margin = len(head) + column + 6
    first, *rest = _wrapped(finding.found, width, margin)
    yield Text.assemble("  ", (head, style), "  ", (f"{finding.name:<{column}}", "bold"), "  ", first)
    for line in rest:
        yield Text(" " * margin + line)
    for line in _wrapped(finding.why, width, margin):
        yield Text(" " * margin + line, "dim")
    if finding.command:
        for line in _wrapped(f"{'→' if unicode else '->'} {finding.command}", width, margin):
            yield Text(" " * margin + line, "cyan")


def _wrapped(text: str, width: int | None, margin: int) -> list[str]:
    clean = "".join(character if character.isprintable() else "?" for character in text)
    if width is None:
        return [clean]
    room = max(_NARROWEST, width - margin)
    return textwrap.wrap(clean, room, break_long_words=False, break_on_hyphens=False) or [""]


def _summary(examination: Examination) -> str:
    counts = ((verdict.value, examination.count(verdict)) for verdict in Verdict)
    return ", ".join(f"{count} {word}" for word, count in counts)


def _plain(finding: Finding) -> dict[str, str | None]:
    return {
        "name": finding.name,
        "verdict": finding.verdict.value,
        "found": finding.found,
        "why": finding.why,
        "command": finding.command or None,
    }
