# SPDX-License-Identifier: BSD-2-Clause
"""A line below the header that is there only when the capture's state needs a sentence."""

from __future__ import annotations

from xtop.ink import Line, printable
from xtop.picture import Picture, status
from xtop.widgets.line_panel import LinePanel


class StateBanner(LinePanel):
    """Why a capture ended or failed, and that the figures shown are its last."""

    def show(self, picture: Picture) -> None:
        """Come and go with the reason."""
        self.display = bool(status(picture).reason)
        super().show(picture)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the sentence, on as many of the lines as it needs."""
        state = status(picture)
        if not state.reason:
            return []
        ended = state.word in ("ended", "failed") and picture.snapshot is not None
        kept = " · these are its last figures" if ended else ""
        text = f" {state.mark} {printable(state.reason)}"
        if len(text) + len(kept) <= width:
            text += kept
        elif len(text) > width:
            text = text[: width - 1] + "…"
        return [[(text.ljust(width), "warn" if state.alarming else "accent")]]
