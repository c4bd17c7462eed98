# SPDX-License-Identifier: BSD-2-Clause
"""The first line: what is watched, how much passes, what is lost, and whether this is now."""

from __future__ import annotations

from xtop import units
from xtop.ink import Ink, Line, printable, spread
from xtop.picture import Picture, Status, describe, status
from xtop.widgets.line_panel import LinePanel

STATUS_WIDTH = 15  # "‖ paused 1:00:00" is the longest; an hour long pause may take one cell more
SEPARATOR = " · "


class HeaderLine(LinePanel):
    """One line, always."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the line."""
        figures = _figures(picture)
        room = width - sum(len(text) for text, _ in figures)
        return [spread(_identity(picture, room - 1), figures, width)]


def _identity(picture: Picture, room: int) -> Line:
    """Return name and mode, as many parts as fit whole; the name alone may be cut."""
    if picture.snapshot is None:
        return [(" xtop", "title")]
    name, *rest = (printable(part) for part in describe(picture.snapshot.source))
    line: Line = [(f" {name}", "title")]
    room -= len(name) + 1
    for part in rest:
        if len(part) + len(SEPARATOR) > room:
            break
        line.append((SEPARATOR + part, "dim"))
        room -= len(part) + len(SEPARATOR)
    return line


def _figures(picture: Picture) -> Line:
    state = status(picture)
    snapshot = picture.snapshot
    if snapshot is None:
        return _state(state)
    totals, lost = snapshot.totals, snapshot.lost.total
    return [
        (f" {units.rate(totals.bps, picture.in_bytes)} ", "strong"),
        (f" {units.packet_rate(totals.pps)} ", "base"),
        (f" {units.count(totals.flows_live)} flows ", "base"),
        *loss(lost, picture.loss_now.total > 0),
        *_state(state),
    ]


def loss(lost: int, rising: bool) -> Line:
    """Return the total lost: red and marked as soon as there is any, with an arrow while it grows."""
    if not lost:
        return [(" lost    0   ", "dim")]
    return [(" ", "base"), (f"lost {units.count(lost)}{'▲' if rising else ' '}", "loss")]


def _state(state: Status) -> Line:
    ink: Ink = "warn" if state.alarming or state.word.startswith("paused") else "good"
    if state.word in ("ended", "waiting", "starting"):
        ink = "accent"
    return [(f" {state.mark} {state.word} ".ljust(8), ink)]
