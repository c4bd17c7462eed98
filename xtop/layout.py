# SPDX-License-Identifier: BSD-2-Clause
"""Which of the screen's arrangements fits a terminal, and how many lines each region gets in it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum

SMALLEST = (60, 15)
BESIDE = 112  # columns from which panels stand side by side
LOSS_WIDTH = 57
SHAPE_WIDTH, FOLDED_SHAPE_WIDTH = 20, 26  # a histogram's least; folded into a line

# What the keys 1 to 6 show and hide: the regions' names in the style sheet.
PANELS: tuple[tuple[str, ...], ...] = (
    ("throughput",), ("queues",), ("sizes",), ("durations", "lengths", "gaps"), ("protocols",), ("loss",),
)  # fmt: skip
# Those that a narrow terminal has no room for go from the end.
SHAPES = ("sizes", "durations", "protocols", "lengths", "gaps")
SHAPE_ORDER = ("sizes", "durations", "lengths", "gaps", "protocols")  # as they stand


class Layout(Enum):
    """The arrangements; each value is the class that the style sheet knows it by."""

    TINY = "-tiny"  # a sentence and the totals
    COMPACT = "-compact"  # every panel folded into one line, the rest is flows
    TALL = "-tall"  # narrow: panels below one another
    SHORT = "-short"  # wide, but low: panels above the flows, lines below them
    NORMAL = "-normal"  # panels above and below the flows
    WIDE = "-wide"  # taller panels and a third histogram


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines of each region; a region with none is not shown. ``loss_width`` 0 is the full width."""

    layout: Layout
    throughput: int = 0
    queues: int = 0
    shapes: int = 0
    shown_shapes: tuple[str, ...] = ()
    loss: int = 0
    loss_width: int = 0
    above_beside: bool = False
    below_beside: bool = False

    @property
    def above(self) -> int:
        """Lines above the flows, header and banner aside."""
        return max(self.throughput, self.queues) if self.above_beside else self.throughput + self.queues

    @property
    def below(self) -> int:
        """Lines below the flows, the key line aside."""
        return max(self.shapes, self.loss) if self.below_beside else self.shapes + self.loss


def choose(width: int, height: int) -> Layout:
    """Return the arrangement for a terminal of ``width`` columns and ``height`` lines."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Layout.TINY
    if width < BESIDE:
        return Layout.TALL if height >= 40 else Layout.COMPACT
    if height < 31:
        return Layout.SHORT if height >= 26 else Layout.COMPACT
    return Layout.NORMAL if width < 180 or height < 46 else Layout.WIDE


def plan(width: int, height: int, hidden: Set[str] = frozenset()) -> Plan:
    """Return the lines of each region on such a terminal when ``hidden`` regions are not wanted."""
    layout = choose(width, height)
    if layout is Layout.TINY:
        return Plan(layout)
    above = 7 + min(6, max(0, height - 33) // 5)
    throughput, queues, shapes, loss = {
        Layout.COMPACT: (1, 1, 1, 1),
        Layout.TALL: (7, 6, 10, 10 if height >= 54 else 1),
        Layout.SHORT: (7, 7, 1, 1),
        Layout.NORMAL: (above, above, 10, 10),
        Layout.WIDE: (above, above, 10, 10),
    }[layout]
    shown = {name for name in ("throughput", "queues", "loss") if name not in hidden}
    beside = layout in (Layout.NORMAL, Layout.WIDE)
    loss_width = LOSS_WIDTH if beside else 0
    room = width - (loss_width if "loss" in shown else 0)
    each = FOLDED_SHAPE_WIDTH if shapes == 1 else SHAPE_WIDTH
    wanted = [name for name in SHAPES if name not in hidden][: max(1, room // each)]
    return Plan(
        layout,
        throughput if "throughput" in shown else 0,
        queues if "queues" in shown else 0,
        shapes if wanted else 0,
        tuple(name for name in SHAPE_ORDER if name in wanted),
        loss if "loss" in shown else 0,
        loss_width if wanted else 0,
        above_beside=layout not in (Layout.COMPACT, Layout.TALL),
        below_beside=beside,
    )
