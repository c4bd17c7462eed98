# SPDX-License-Identifier: BSD-2-Clause
"""What the screen remembers between snapshots, to draw curves and to say what is being lost now.

Snapshots carry totals and the rates of one interval. Everything here is arithmetic over those that went by, bounded in
size, and keyed by the snapshot's own time: a late or skipped snapshot bends no curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from xtop.model import Lost, QueueKey, Snapshot
from xtop.screen_rows import keys_of, rates_of
from xtop.units import NANOSECONDS

GRAPH_SECONDS = 600
REMEMBERED_SECONDS = 15 * 60 + GRAPH_SECONDS  # who looks a quarter of an hour back sees the graph of then
QUEUE_SECONDS = 30
TREND_LENGTH = 8

FULL = (("accounting", "table_full"), ("totals", "byte_histograms_full"))  # part of the snapshot, counter in it

Series = tuple[float | None, ...]  # one value a second, oldest first; None where nothing was measured


@dataclass(frozen=True, slots=True)
class QueueCurves:
    """The last seconds of one queue; ``busy`` a share, ``lost`` packets per second."""

    pps: Series = ()
    bps: Series = ()
    busy: Series = ()
    lost: Series = ()


@dataclass(frozen=True, slots=True)
class Curves:
    """The link up to a moment: its last ten minutes, and the last seconds of each queue."""

    bps: Series = ()
    pps: Series = ()
    queues: Mapping[QueueKey, QueueCurves] = field(default_factory=dict)


@dataclass(slots=True)
class _Second:
    readings: int
    bps: float
    pps: float
    queues: dict[QueueKey, tuple[float, float, float, float]]


class LinkHistory:
    """Rates, one set for each whole second; of several snapshots in one second, the rates' mean and the last queues."""

    def __init__(self) -> None:
        self._by_second: dict[int, _Second] = {}
        self._latest: int | None = None

    def record(self, snapshot: Snapshot, loss_now: LossNow) -> None:
        """Enter ``snapshot``'s rates for each second that it covers."""
        second = snapshot.taken_at // NANOSECONDS
        first = second
        if self._latest is not None and self._latest < second:
            first = max(self._latest + 1, second - REMEMBERED_SECONDS)
        totals, known = snapshot.totals, self._by_second.get(second)
        queues = {
            queue.key: (queue.pps, queue.bps, queue.busy, loss_now.by_queue.get(queue.key, 0.0))
            for queue in snapshot.queues
        }
        count = known.readings + 1 if known else 1
        bps = known.bps + (totals.bps - known.bps) / count if known else totals.bps
        pps = known.pps + (totals.pps - known.pps) / count if known else totals.pps
        for covered in range(first, second + 1):
            self._by_second[covered] = _Second(count, bps, pps, queues)
        self._latest = second
        while (oldest := next(iter(self._by_second))) <= second - REMEMBERED_SECONDS:
            del self._by_second[oldest]

    def until(self, taken_at: int) -> Curves:
        """Return the curves up to ``taken_at`` (ns)."""
        last = taken_at // NANOSECONDS
        seconds = [*map(self._by_second.get, range(last - GRAPH_SECONDS + 1, last + 1))]
        recent = seconds[-QUEUE_SECONDS:]
        present = seconds[-1].queues if seconds[-1] else {}
        return Curves(
            bps=tuple([None if second is None else second.bps for second in seconds]),
            pps=tuple([None if second is None else second.pps for second in seconds]),
            queues={key: _queue_curves(recent, key) for key in present},
        )


def _queue_curves(seconds: list[_Second | None], key: QueueKey) -> QueueCurves:
    rows = [None if second is None else second.queues.get(key) for second in seconds]
    return QueueCurves(*(tuple(None if row is None else row[at] for row in rows) for at in range(4)))


class Trends(Mapping[bytes, "tuple[float, ...]"]):
    """The last rates of flows by their keys, oldest first, in bits per second: looked up when a row is drawn."""

    def __init__(self, snapshots: Sequence[Mapping[bytes, float]] = ()) -> None:
        """Take the rates of the last ``snapshots``, oldest first; only flows of the last one have a trend."""
        self._snapshots = snapshots

    def __getitem__(self, key: bytes) -> tuple[float, ...]:
        if not self._snapshots or key not in self._snapshots[-1]:
            raise KeyError(key)
        return tuple(rates[key] for rates in self._snapshots if key in rates)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._snapshots[-1] if self._snapshots else ())

    def __len__(self) -> int:
        return len(self._snapshots[-1]) if self._snapshots else 0


class FlowTrends:
    """The rates of all rows of the last snapshots."""

    def __init__(self) -> None:
        self._snapshots: tuple[Mapping[bytes, float], ...] = ()

    def record(self, snapshot: Snapshot) -> None:
        """Remember the rates of ``snapshot``, and forget those of the oldest."""
        self._snapshots = (*self._snapshots[1 - TREND_LENGTH :], _rates_by_key(snapshot))

    def amend(self, snapshot: Snapshot) -> None:
        """Remember the rates of ``snapshot`` in place of the last: it has other rows of the same moment."""
        self._snapshots = (*self._snapshots[:-1], _rates_by_key(snapshot))

    def by_key(self) -> Trends:
        """Return the rates up to now; what is recorded later leaves them as they are."""
        return Trends(self._snapshots)


def _rates_by_key(snapshot: Snapshot) -> Mapping[bytes, float]:
    rates: dict[bytes, float] = {}
    for rows in (snapshot.flows, snapshot.groups):
        rates.update(zip(keys_of(rows), rates_of(rows), strict=True))
    return rates


@dataclass(frozen=True, slots=True)
class LossNow:
    """Packets per second that were being lost over the last interval, by cause and by queue."""

    by_cause: Mapping[str, float] = field(default_factory=dict)
    by_queue: Mapping[QueueKey, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """All causes together."""
        return sum(self.by_cause.values())


def loss_between(before: Snapshot | None, now: Snapshot) -> LossNow:
    """Return the loss per second from ``before`` to ``now``; none when there is no time between them."""
    if before is None or now.taken_at <= before.taken_at:
        return LossNow()
    seconds = (now.taken_at - before.taken_at) / NANOSECONDS
    causes = {
        cause.name: max(0, getattr(now.lost, cause.name) - getattr(before.lost, cause.name)) / seconds
        for cause in fields(Lost)
    }
    earlier = {queue.key: queue.lost for queue in before.queues}
    queues = {queue.key: max(0, queue.lost - earlier.get(queue.key, 0)) / seconds for queue in now.queues}
    return LossNow(causes, queues)


def last_lost(known: Mapping[str, int], before: Snapshot | None, now: Snapshot) -> dict[str, int]:
    """Return when each cause last cost something (ns), given what was ``known`` before; what is full is one of them."""
    found = dict(known)
    for part, name in (*(("lost", cause.name) for cause in fields(Lost)), *FULL):
        earlier = 0 if before is None else getattr(getattr(before, part), name)
        if getattr(getattr(now, part), name) > earlier:
            found[name] = now.taken_at
    return found
