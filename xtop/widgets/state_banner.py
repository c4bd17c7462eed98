# SPDX-License-Identifier: BSD-2-Clause
"""A line below the header that is there only when there is a sentence to say: why a capture ended or failed, what is
worth saying unasked, or what the source noted of itself, such as the mode it had to leave.
"""

from __future__ import annotations

from xtop.ink import Line, printable
from xtop.keymap import shown
from xtop.model import ExporterStatus
from xtop.picture import Picture, local_time, remarks, status, troubles
from xtop.widgets.line_panel import LinePanel

NOTED_S = 60  # for so long a note holds a line of a terminal that has few; afterwards the log of alerts has it
FEW_LINES = 30


class StateBanner(LinePanel):
    """One sentence; a state's reason comes before what an export lost, that before an alert, and that before a note."""

    def show(self, picture: Picture) -> None:
        """Come and go with the sentence."""
        self.display = bool(banner(picture, 1, self._is_tight))
        super().show(picture)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the sentence."""
        return banner(picture, width, self._is_tight)

    @property
    def _is_tight(self) -> bool:
        return self.app.size.height < FEW_LINES


def banner(picture: Picture, width: int, tight: bool = False) -> list[Line]:
    """Return the line of ``width`` cells, or none; ``tight``: no line is to spare for notes that were read."""
    state, snapshot = status(picture), picture.snapshot
    if state.reason:
        text = f" {state.mark} {printable(state.reason)}"
        kept = " · these are its last figures"
        if state.word in ("ended", "failed") and snapshot is not None and len(text) + len(kept) <= width:
            text += kept
        return [[(_cut(text, width), "warn" if state.alarming else "accent")]]
    loss = _export_loss(snapshot.exporters) if snapshot is not None else ""
    if loss:
        return [[(_cut(f" ⇥ {printable(loss)}", width), "warn")]]
    newest = picture.alerts.newest
    if newest is not None:
        more = f" · {shown(picture.keymap, 'alert_log')} lists all"
        text = f" ⚑ {local_time(newest.at)} {printable(newest.text)}"
        return [[(_cut(text + more if len(text) + len(more) <= width else text, width), "accent")]]
    if snapshot is None:
        return []
    noted = () if tight and picture.noted_s >= NOTED_S else remarks(snapshot.source)
    said = (*troubles(snapshot.source), *_exports(snapshot.exporters), *noted)
    if said:
        return [[(_cut(f" ※ {printable(' · '.join(said))}", width), "dim")]]
    return []


def _export_loss(exporters: tuple[ExporterStatus, ...]) -> str:
    """Return the first exporter's trouble that there is, or nothing."""
    for one in exporters:
        if one.lost or one.trouble:
            trouble = f": {one.trouble}" if one.trouble else ""
            return f"export to {one.url}{trouble} · {one.flows:,} flows sent, {one.queued:,} wait, {one.lost:,} lost"
    return ""


def _exports(exporters: tuple[ExporterStatus, ...]) -> list[str]:
    return [f"{one.flows:,} flows exported to {one.url}" for one in exporters]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
