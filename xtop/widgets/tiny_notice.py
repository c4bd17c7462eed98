# SPDX-License-Identifier: BSD-2-Clause
"""What stands on a terminal too small for a screen: a sentence and the totals."""

from __future__ import annotations

from xtop import units
from xtop.ink import Line
from xtop.layout import SMALLEST
from xtop.picture import Picture, flow_count, status
from xtop.widgets.line_panel import LinePanel


class TinyNotice(LinePanel):
    """Plain lines, the most telling first."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the lines."""
        state = status(picture)
        lines: list[Line] = []
        if picture.snapshot is not None:
            totals, lost = picture.snapshot.totals, picture.snapshot.lost.total
            lines += [
                [(units.rate(totals.bps, picture.in_bytes), "strong")],
                [(units.packet_rate(totals.pps), "base")],
                [(f"{units.count(flow_count(picture.snapshot))} flows", "base")],
                [(f"{units.count(lost)} lost", "loss" if lost else "base")],
            ]
        lines += [[(text, "base")] for text in _wrapped(f"{state.mark} {state.word}", width)]
        sentence = f"xtop needs {SMALLEST[0]}x{SMALLEST[1]} cells, this is {width}x{height}"
        lines += [[(text, "dim")] for text in _wrapped(sentence, width)]
        return lines


def _wrapped(text: str, width: int) -> list[str]:
    rows = [""]
    for word in text.split():
        if rows[-1] and len(rows[-1]) + 1 + len(word) > width:
            rows.append("")
        rows[-1] += f" {word}" if rows[-1] else word
    return rows
