# SPDX-License-Identifier: BSD-2-Clause
"""What the screen remembers between snapshots, to draw curves and to say what is being lost now.

Snapshots carry totals and the rates of one interval. Everything here is arithmetic over those that went by, bounded in
size, and keyed by the snapshot's own time: a late or skipped snapshot bends no curve.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from xtop.model import Lost, Snapshot
from xtop.units import NANOSECONDS

REMEMBERED_SECONDS = 600
TREND_LENGTH = 8


class ThroughputHistory:
    """Bits per second, one value for each whole second."""

    def __init__(self) -> None:
        self._by_second: dict[int, float] = {}
        self._latest: int | None = None

    def record(self, snapshot: Snapshot) -> None:
        """Enter ``snapshot``'s rate for each second that it covers."""
        second = snapshot.taken_at // NANOSECONDS
        first = second
        if self._latest is not None and self._latest < second:
            first = max(self._latest + 1, second - REMEMBERED_SECONDS)
        for covered in range(first, second + 1):
            self._by_second[covered] = snapshot.totals.bps
        self._latest = second
        for old in [known for known in self._by_second if known <= second - REMEMBERED_SECONDS]:
            del self._by_second[old]

    def until(self, taken_at: int) -> tuple[float | None, ...]:
        """Return the seconds up to ``taken_at`` (ns), oldest first; None where nothing was measured."""
        last = taken_at // NANOSECONDS
        return tuple(self._by_second.get(second) for second in range(last - REMEMBERED_SECONDS + 1, last + 1))


class FlowTrends:
    """The last rates of each flow that the latest snapshot holds."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, deque[float]] = {}

    def record(self, snapshot: Snapshot) -> None:
        """Append each flow's rate; flows that are no longer among the rows are forgotten."""
        kept: dict[bytes, deque[float]] = {}
        for flow in snapshot.flows:
            rates = self._by_key.get(flow.key)
            kept[flow.key] = rates = deque(maxlen=TREND_LENGTH) if rates is None else rates
            rates.append(flow.bps)
        self._by_key = kept

    def by_key(self) -> dict[bytes, tuple[float, ...]]:
        """Return each flow's rates in bits per second, oldest first."""
        return {key: tuple(rates) for key, rates in self._by_key.items()}


@dataclass(frozen=True, slots=True)
class LossNow:
    """Packets per second that were being lost over the last interval, by cause and by queue."""

    by_cause: Mapping[str, float] = field(default_factory=dict)
    by_queue: Mapping[int, float] = field(default_factory=dict)

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
    earlier = {queue.queue: queue.lost for queue in before.queues}
    queues = {queue.queue: max(0, queue.lost - earlier.get(queue.queue, 0)) / seconds for queue in now.queues}
    return LossNow(causes, queues)
