# SPDX-License-Identifier: BSD-2-Clause
"""The last quarter of an hour, frame by frame, in bounded memory.

A frame is what the screen showed of one snapshot: every panel's figures and the first 200 flows. Kept as objects, 900
of them would take half a gigabyte; so they are kept packed, each on its own, and only the one that is looked at is
unpacked. The flows' rates lie beside it unpacked: a flow's curve needs one number of each frame and nothing else.
"""

from __future__ import annotations

import io
import pickle
import zlib
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from operator import attrgetter
from typing import Any, TypeVar

from xtop import model
from xtop.flow_rows import FlowRows
from xtop.history import LossNow
from xtop.model import Snapshot
from xtop.packed_rows import LEVEL, PackedRows
from xtop.screen_rows import ScreenRows, keys_of, rates_of
from xtop.units import NANOSECONDS

SPAN_S = 15 * 60
ROWS = 200  # flows kept of a frame
CURVE_S = 60  # for so long the rates of all flows are kept; later those of the rows kept
MOST_BYTES = 64 << 20  # packed; at intervals far below a second the span gets shorter instead


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment as it is shown."""

    snapshot: Snapshot
    loss_now: LossNow = field(default_factory=LossNow)
    last_lost: Mapping[str, int] = field(default_factory=dict)  # cause -> when it last grew, ns


@dataclass(slots=True)
class _Packed:
    content: bytes
    rows: dict[str, PackedRows[FlowRows]]  # those that the content has not: "flows", "groups"
    keys: array[int]  # hashes of the rows' keys, in the order of ``rates``
    rates: array[float]  # bits per second
    kept: int  # how many of them are of rows that are kept

    @property
    def size(self) -> int:
        return (
            len(self.content) + sum(rows.size for rows in self.rows.values()) + 8 * len(self.keys) + 4 * len(self.rates)
        )

    def rate(self, hashed: int) -> float | None:
        """Return the rate of the flow whose key has this hash."""
        try:
            return self.rates[self.keys.index(hashed)]
        except ValueError:
            return None


class Moments(ABC):
    """Frames in the order of their time, wherever they are kept."""

    def __init__(self) -> None:
        self._times: list[int] = []

    @abstractmethod
    def _frame(self, index: int) -> Frame:
        """Return a frame."""

    @abstractmethod
    def _rate(self, index: int, hashed: int) -> float | None:
        """Return the rate in a frame of the flow whose key has this hash; None where the frame does not know."""

    @abstractmethod
    def _rates(self, index: int) -> Mapping[int, float]:
        """Return all rates that a frame knows, by the hashes of the flows' keys."""

    def __len__(self) -> int:
        return len(self._times)

    def at(self, taken_at: int) -> Frame | None:
        """Return the last frame not later than ``taken_at`` (ns), else the first; None where there is none at all."""
        return self._frame(max(0, bisect_right(self._times, taken_at) - 1)) if self._times else None

    def before(self, taken_at: int) -> int | None:
        """Return the time of the frame before ``taken_at``, or None."""
        index = bisect_left(self._times, taken_at)
        return self._times[index - 1] if index else None

    def after(self, taken_at: int) -> int | None:
        """Return the time of the frame after ``taken_at``, or None."""
        index = bisect_right(self._times, taken_at)
        return self._times[index] if index < len(self._times) else None

    @property
    def first(self) -> int | None:
        """The time of the first frame kept."""
        return self._times[0] if self._times else None

    def rates(self, key: bytes, taken_at: int, seconds: int = CURVE_S) -> tuple[float | None, ...]:
        """Return a flow's rate for each of the ``seconds`` up to ``taken_at``; None where it was not among the rows."""
        last = taken_at // NANOSECONDS
        found: list[float | None] = [None] * seconds
        wanted = hash(key)
        begin = bisect_left(self._times, (last - seconds + 1) * NANOSECONDS)
        known = 0  # the seconds below are seen to
        for index in range(begin, bisect_right(self._times, taken_at)):
            at = self._times[index] // NANOSECONDS - last + seconds - 1
            begins = at if index == 0 else min(known, at)
            rate = self._rate(index, wanted)
            found[begins : at + 1] = [rate] * (at + 1 - begins)  # a slow interval covers several
            known = at + 1
        return tuple(found)

    def trends(self, snapshot: Snapshot, length: int) -> dict[bytes, tuple[float, ...]]:
        """Return the rates that the flows of ``snapshot`` had in the last ``length`` frames up to it, oldest first."""
        end = bisect_right(self._times, snapshot.taken_at)
        recent = [self._rates(index) for index in range(max(0, end - length), end)]
        keys = {hash(key): key for key in keys_of(snapshot.rows)}
        return {key: tuple(rates[hashed] for rates in recent if hashed in rates) for hashed, key in keys.items()}


class Timeline(Moments):
    """Frames kept in memory."""

    def __init__(self, span_s: float = SPAN_S, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()
        self._span = int(span_s * NANOSECONDS)
        self._most_bytes = most_bytes
        self._frames: list[_Packed] = []
        self.size = 0  # bytes

    def record(self, frame: Frame) -> None:
        """Keep ``frame``, and let go of what is too old or too much; one that is not later than the last is left."""
        taken_at = frame.snapshot.taken_at
        if self._times and taken_at <= self._times[-1]:
            return
        packed = _packed(frame)
        self._times.append(taken_at)
        self._frames.append(packed)
        self.size += packed.size
        self._shorten(bisect_left(self._times, taken_at - CURVE_S * NANOSECONDS) - 1)
        gone = bisect_left(self._times, taken_at - self._span)
        left = self.size - sum(packed.size for packed in self._frames[:gone])
        while left > self._most_bytes and gone < len(self._times) - 1:
            left -= self._frames[gone].size
            gone += 1
        del self._times[:gone], self._frames[:gone]
        self.size = left

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()
        self._frames.clear()
        self.size = 0

    def _frame(self, index: int) -> Frame:
        return _unpacked(self._frames[index])

    def _rate(self, index: int, hashed: int) -> float | None:
        return self._frames[index].rate(hashed)

    def _rates(self, index: int) -> Mapping[int, float]:
        return dict(zip(self._frames[index].keys, self._frames[index].rates, strict=True))

    def _shorten(self, index: int) -> None:
        """Cut the rates of a frame that is older than curves reach to those of its rows; earlier ones are cut."""
        while index >= 0 and len(self._frames[index].keys) > self._frames[index].kept:
            packed = self._frames[index]
            self.size -= packed.size
            del packed.keys[packed.kept :], packed.rates[packed.kept :]
            self.size += packed.size
            index -= 1


# ---- Packing

Value = TypeVar("Value")
Reduced = tuple[Any, tuple[Any, ...]]


def _by_fields(kind: type[Any]) -> Callable[[Any], Reduced]:
    """Return how a dataclass is pickled: as a call with its fields. The standard way is several times slower."""
    names = [entry.name for entry in fields(kind)]
    if len(names) == 1:
        return lambda value: (kind, (getattr(value, names[0]),))
    values = attrgetter(*names)
    return lambda value: (kind, values(value))


_REDUCERS: dict[type[Any], Callable[[Any], Reduced]] = {
    kind: _by_fields(kind)
    for kind in (*vars(model).values(), Frame, LossNow)
    if isinstance(kind, type) and is_dataclass(kind)
}


def _packed(frame: Frame) -> _Packed:
    flows, groups = frame.snapshot.flows, frame.snapshot.groups
    every = {"flows": flows, "groups": groups}
    native = {name: rows.pack(ROWS) for name, rows in every.items() if isinstance(rows, ScreenRows)}
    values = {name: () if name in native else tuple(rows[:ROWS]) for name, rows in every.items()}
    kept = replace(frame, snapshot=replace(frame.snapshot, flows=values["flows"], groups=values["groups"]))
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=5)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(kept)
    return _Packed(
        zlib.compress(buffer.getbuffer(), LEVEL),
        native,
        array("q", map(hash, _kept_first(keys_of(flows), keys_of(groups)))),
        array("f", _kept_first(rates_of(flows), rates_of(groups))),
        min(len(flows), ROWS) + min(len(groups), ROWS),
    )


def _kept_first(flows: Sequence[Value], groups: Sequence[Value]) -> list[Value]:
    """Return the values of those rows that are kept, then those of the others."""
    return [*flows[:ROWS], *groups[:ROWS], *flows[ROWS:], *groups[ROWS:]]


def _unpacked(packed: _Packed) -> Frame:
    frame = pickle.loads(zlib.decompress(packed.content))  # written by this process, for itself
    assert isinstance(frame, Frame)
    rows = {name: ScreenRows(kept.unpacked()) for name, kept in packed.rows.items()}
    flows, groups = (rows.get(name, getattr(frame.snapshot, name)) for name in ("flows", "groups"))
    return replace(frame, snapshot=replace(frame.snapshot, flows=flows, groups=groups))
