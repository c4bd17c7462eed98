# SPDX-License-Identifier: BSD-2-Clause
"""Which of the screen's arrangements fits a terminal."""

from __future__ import annotations

from enum import Enum

SMALLEST = (60, 15)


class Layout(Enum):
    """The arrangements; each value is the class that the style sheet knows it by."""

    TINY = "-tiny"  # a sentence and the totals
    COMPACT = "-compact"  # every panel folded into one line, the rest is flows
    NORMAL = "-normal"  # panels above and below the flows
    WIDE = "-wide"  # taller panels and a third histogram


def choose(width: int, height: int) -> Layout:
    """Return the arrangement for a terminal of ``width`` columns and ``height`` lines."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Layout.TINY
    if width < 112 or height < 31:
        return Layout.COMPACT
    if width < 180 or height < 46:
        return Layout.NORMAL
    return Layout.WIDE
