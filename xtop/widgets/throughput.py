# SPDX-License-Identifier: BSD-2-Clause
"""How much: bits and packets per second over one minute or ten, as curves with their axes; folded, as a line.

A panel that is high enough has both curves, a lower one the first. A column is a second or, where there are more
seconds than columns, the greatest of several; which seconds share a column depends on the clock alone, so that a
column keeps its height while it moves.
"""

from __future__ import annotations

from dataclasses import dataclass

from xtop import units
from xtop.blocks import LEAST_BITS, SteadyCeiling, braille_curve, curve, sparkline
from xtop.history import Series
from xtop.ink import Line, framed, length, spread
from xtop.picture import Picture
from xtop.units import NANOSECONDS
from xtop.widgets.line_panel import LinePanel

AXIS = 5  # cells
MINUTE, TEN_MINUTES = 60, 600  # seconds
LEAST_PACKETS = 10.0  # per second, at the top of an axis
BOTH = 9  # lines inside the frame from which both curves are drawn


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a curve is of."""

    packets: bool
    in_bytes: bool

    def values(self, picture: Picture) -> Series:
        """Return the values that the axis is in."""
        if self.packets:
            return picture.curves.pps
        if not self.in_bytes:
            return picture.curves.bps
        return tuple(None if value is None else value / 8 for value in picture.curves.bps)

    @property
    def unit(self) -> str:
        """The unit of the axis."""
        return "packets/s" if self.packets else "byte/s" if self.in_bytes else "bit/s"

    @property
    def least(self) -> float:
        """The least that the axis goes up to; a link on which ten packets pass in a second is no empty one."""
        return LEAST_PACKETS if self.packets else LEAST_BITS

    def text(self, value: float) -> str:
        """Return a value with its unit."""
        if self.packets:
            return units.packet_rate(value)
        return units.rate(value * 8 if self.in_bytes else value, self.in_bytes)


class Throughput(LinePanel):
    """Draws the curves, and remembers how high their axes were."""

    OF_COUNTERS = True

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tops: dict[tuple[Quantity, bool], SteadyCeiling] = {}

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed curves, or the one line."""
        first = Quantity(picture.look.graph_packets, picture.in_bytes)
        if height == 1:
            return [_folded(picture, first, width)]
        second = Quantity(not first.packets, picture.in_bytes)
        seconds = shown_seconds(picture, width - 2 - AXIS - 1)
        span = f"{seconds // 60} min" if seconds >= TEN_MINUTES else f"{seconds} s"
        inner = height - 2
        low = (inner - 1) // 2 if inner >= BOTH else 0
        body = self._graph(picture, first, width - 2, inner - low - (1 if low else 0), seconds)
        if low:
            body.append(_divider(picture, second, width - 2, seconds))
            body += self._graph(picture, second, width - 2, low, seconds)
        return framed(f"1 Throughput · {span}", _note(picture, first, seconds), body, width, height)

    def _graph(self, picture: Picture, of: Quantity, width: int, height: int, seconds: int) -> list[Line]:
        columns = max(1, width - AXIS - 1)
        values = of.values(picture)[-seconds:]
        samples = columns * 2 if picture.look.braille else columns
        drawn = squeezed(values, samples, _second(picture))
        greatest = max((value for value in values if value is not None), default=0.0)
        steady = self._tops.setdefault((of, picture.look.graph_minutes), SteadyCeiling(least=of.least))
        top = steady.fit(greatest, picture.snapshot.taken_at if picture.snapshot else 0)
        draw = braille_curve if picture.look.braille else curve
        labels = {height - 1: "0", 0: units.short(top)}
        if height % 2 == 0:
            labels[height // 2] = units.short(top / 2)
        return [
            [(f" {labels.get(row, ''):>{AXIS - 1}} ", "dim"), (text.rjust(columns), "bar")]
            for row, text in enumerate(draw(drawn, height, top))
        ]


def _second(picture: Picture) -> int:
    return picture.snapshot.taken_at // NANOSECONDS if picture.snapshot else 0


def shown_seconds(picture: Picture, columns: int) -> int:
    """Return how many seconds are shown: a minute, or what more there are columns for; or ten minutes."""
    if picture.look.graph_minutes:
        return TEN_MINUTES
    return max(MINUTE, min(TEN_MINUTES, columns))


def squeezed(values: Series, columns: int, second: int) -> list[float | None]:
    """Return ``values``, the last of which is ``second``, in at most ``columns``: the greatest of each few."""
    step = -(-len(values) // max(1, columns))
    if step <= 1:
        return list(values)
    last = second % step + 1  # values in the last column, which fills up as time goes on
    ends = list(range(len(values), 0, -step)) if last == step else [len(values), *range(len(values) - last, 0, -step)]
    starts = [*ends[1:], 0]
    groups = [values[start:end] for start, end in zip(reversed(starts), reversed(ends), strict=True)]
    peaks = [max((value for value in group if value is not None), default=None) for group in groups]
    return peaks[-columns:]


def _peak(picture: Picture, of: Quantity, seconds: int) -> float:
    return max((value for value in of.values(picture)[-seconds:] if value is not None), default=0.0)


def _note(picture: Picture, of: Quantity, seconds: int) -> Line:
    return [(f"{of.unit}, peak ", "dim"), (of.text(_peak(picture, of, seconds)).strip(), "base")]


def _divider(picture: Picture, of: Quantity, width: int, seconds: int) -> Line:
    note: Line = [(" ", "base"), *_note(picture, of, seconds), (" ", "base")]
    return [("─" * max(0, width - length(note) - 1), "frame"), *note, ("─", "frame")]


def _folded(picture: Picture, of: Quantity, width: int) -> Line:
    seconds = TEN_MINUTES if picture.look.graph_minutes else MINUTE
    span = " Last 10 m " if picture.look.graph_minutes else " Last 60 s "
    right: Line = [(" peak ", "dim"), (of.text(_peak(picture, of, seconds)), "base"), (" ", "base")]
    columns = min(MINUTE, width - len(span) - length(right))
    values = squeezed(of.values(picture)[-seconds:], columns, _second(picture))
    return spread(
        [(span, "dim"), (sparkline([value or 0.0 for value in _known(values)], columns), "bar")], right, width
    )


def _known(values: list[float | None]) -> list[float | None]:
    """Return ``values`` from the first that was measured on."""
    first = next((at for at, value in enumerate(values) if value is not None), len(values))
    return values[first:]
