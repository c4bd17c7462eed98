# SPDX-License-Identifier: BSD-2-Clause
"""The first line: what is watched, how much passes, what is lost, and whether this is now."""

from __future__ import annotations

from xtop import units
from xtop.ink import Ink, Line, length, printable, spread
from xtop.path_text import file_end
from xtop.picture import Picture, Status, describe, flow_count, status
from xtop.widgets.line_panel import LinePanel

SEPARATOR = " · "
LEAST_NAME = 6  # cells kept for what is watched


class HeaderLine(LinePanel):
    """One line, always."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the line."""
        figures = _figures(picture, width - LEAST_NAME)
        room = width - length(figures)
        return [spread(_identity(picture, room - 1), figures, width)]


def _identity(picture: Picture, room: int) -> Line:
    """Return name and mode, as many parts as fit whole; the name alone may be cut, a file's in its directories."""
    if picture.snapshot is None:
        return [(" xtop", "title")]
    name, *rest = (printable(part) for part in describe(picture.snapshot.source))
    if picture.snapshot.source.kind == "file":
        name = file_end(name, max(0, room))
    elif len(name) > room:
        name = name[: max(0, room - 1)] + "…"
    line: Line = [(f" {name}", "title")]
    room -= len(name) + 1
    for part in rest:
        if len(part) + len(SEPARATOR) > room:
            break
        line.append((SEPARATOR + part, "dim"))
        room -= len(part) + len(SEPARATOR)
    return line


def _figures(picture: Picture, room: int) -> Line:
    """Return what fits: where the capture is and what was lost come first, then rates, then flows."""
    state = [*_unread(picture), *_state(status(picture))]
    snapshot = picture.snapshot
    if snapshot is None:
        return state
    totals = snapshot.totals
    lost = loss(snapshot.lost.total, picture.loss_now.total > 0)
    figures: Line = [
        (f" {units.rate(totals.bps, picture.in_bytes)} ", "strong"),
        (f" {units.packet_rate(totals.pps)} ", "base"),
        (f" {units.count(flow_count(snapshot))} flows ", "base"),
    ]
    while figures and length(figures) + length(lost) + length(state) > room:
        figures.pop()
    return [*figures, *lost, *state]


def loss(lost: int, rising: bool) -> Line:
    """Return the total lost: red and marked as soon as there is any, with an arrow while it grows."""
    if not lost:
        return [(" lost    0   ", "dim")]
    return [(" ", "base"), (f"lost {units.count(lost)}{'▲' if rising else ' '}", "loss")]


def _unread(picture: Picture) -> Line:
    """Return how many alerts nobody has looked at; nothing where there is none."""
    unread = picture.alerts.unread
    return [(f" ⚑ {min(unread, 99)} ", "accent")] if unread else []


def _state(state: Status) -> Line:
    ink: Ink = "good" if state.word == "live" else "accent"
    if state.alarming or state.word.startswith(("paused", "past")):
        ink = "warn"
    return [(f" {state.mark} {state.word} ".ljust(8), ink)]
