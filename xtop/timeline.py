# SPDX-License-Identifier: BSD-2-Clause
"""The last quarter of an hour, frame by frame, in bounded memory.

A frame is what the screen showed of one snapshot: every panel's figures and the first 200 flows. Kept as objects, 900
of them would take half a gigabyte; so they are kept packed, in chains (`xtop.frame_chain`), and only the one that is
looked at becomes values. The rates of the last minute lie beside them unpacked, those of all rows: a flow's curve needs
one number of each frame and nothing else. Those of earlier frames are had from the rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence

from xtop.frame import Frame
from xtop.frame_chain import FrameChain, OpenFrame, opened
from xtop.model import Flow, Snapshot
from xtop.screen_rows import keys_of, rates_of
from xtop.units import NANOSECONDS

SPAN_S = 15 * 60
CURVE_S = 60  # for so long the rates of all flows are kept; later those of the rows kept
CHAIN = 15  # frames at most: to look at one, those before it in its chain are gone through
MOST_BYTES = 20 << 20  # packed; at intervals far below a second the span gets shorter instead
MOST_LOOKED_AT = 800  # frames whose rates stay unpacked after a look, 2 MB; one a frame is let go of again


class _Rates:
    """The rates of a frame's flows, by the hashes of their keys."""

    __slots__ = ("keys", "rates")

    def __init__(self, *rows: Sequence[Flow]) -> None:
        self.keys = array("q", [hash(key) for each in rows for key in keys_of(each)])
        self.rates = array("f", [rate for each in rows for rate in rates_of(each)])  # bits per second

    @property
    def size(self) -> int:
        return 8 * len(self.keys) + 4 * len(self.rates)

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
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()
        self._chains: list[FrameChain] = []
        self._gone = 0  # frames of the first chain that are too old
        self._last: OpenFrame | None = None
        self._recent: deque[_Rates] = deque()  # of the last frames
        self._looked_at: OrderedDict[int, _Rates] = OrderedDict()  # by time: of earlier ones
        self.size = 0  # bytes

    def record(self, frame: Frame) -> None:
        """Keep ``frame``, and let go of what is too old or too much; one that is not later than the last is left."""
        taken_at = frame.snapshot.taken_at
        if self._times and taken_at <= self._times[-1]:
            return
        if not self._chains or len(self._chains[-1]) == CHAIN or self._chains[-1].size > self._most_bytes // 8:
            self._chains.append(FrameChain())
            self._last = None
        if self._looked_at:
            self._looked_at.popitem(last=False)
        now, chain = opened(frame), self._chains[-1]
        self.size -= chain.size
        chain.add(now, self._last)
        self.size += chain.size
        self._last = now
        self._times.append(taken_at)
        self._note_rates(_Rates(frame.snapshot.flows, frame.snapshot.groups))
        self._shorten(bisect_left(self._times, taken_at - self._span))

    def amend(self, snapshot: Snapshot) -> None:
        """Take the rates of ``snapshot`` for those of the last frame: it has other rows of the same moment."""
        if self._recent:
            self.size -= self._recent.pop().size
            self._recent.append(_Rates(snapshot.flows, snapshot.groups))
            self.size += self._recent[-1].size

    def _note_rates(self, rates: _Rates) -> None:
        """Keep the rates of the last frame, and let go of those that are older than curves reach."""
        self._recent.append(rates)
        self.size += rates.size
        reach = self._times[-1] - CURVE_S * NANOSECONDS
        while self._times[-len(self._recent)] < reach:
            self.size -= self._recent.popleft().size

    def _shorten(self, gone: int) -> None:
        """Let go of the first ``gone`` frames, and of whole chains where it is too much; the last chain stays."""
        self._gone += gone
        del self._times[:gone]
        while len(self._chains) > 1 and (self._gone >= len(self._chains[0]) or self.size > self._most_bytes):
            first = self._chains.pop(0)
            del self._times[: max(0, len(first) - self._gone)]
            self._gone = max(0, self._gone - len(first))
            self.size -= first.size
        while len(self._recent) > len(self._times):
            self.size -= self._recent.popleft().size

    def _frame(self, index: int) -> Frame:
        chain, at = self._place(index)
        for number, frame in enumerate(self._chains[chain].opened()):
            if number == at:
                return frame.frame()
        raise IndexError(index)

    def _rate(self, index: int, hashed: int) -> float | None:
        return self._rates_of(index).rate(hashed)

    def _rates(self, index: int) -> Mapping[int, float]:
        rates = self._rates_of(index)
        return dict(zip(rates.keys, rates.rates, strict=True))

    def _rates_of(self, index: int) -> _Rates:
        """Return the rates that a frame knows, out of the rows that are kept of it where they are no longer at hand."""
        ago = len(self._times) - index
        if ago <= len(self._recent):
            return self._recent[-ago]
        if self._times[index] not in self._looked_at:
            self._look_at(self._place(index)[0])
        self._looked_at.move_to_end(self._times[index])
        return self._looked_at[self._times[index]]

    def _look_at(self, chain: int) -> None:
        """Unpack the rates of all frames of a chain: who asks for one will ask for the next."""
        first = sum(map(len, self._chains[:chain])) - self._gone
        for number, frame in enumerate(self._chains[chain].opened()):
            if first + number >= 0:
                self._looked_at[self._times[first + number]] = _Rates(*frame.rows())
        while len(self._looked_at) > MOST_LOOKED_AT:
            self._looked_at.popitem(last=False)

    def _place(self, index: int) -> tuple[int, int]:
        """Return the chain that a frame is of, and its place there."""
        at = index + self._gone
        for number, chain in enumerate(self._chains):
            if at < len(chain):
                return number, at
            at -= len(chain)
        raise IndexError(index)
