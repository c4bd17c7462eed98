# SPDX-License-Identifier: BSD-2-Clause
"""The moments of a store as the screen goes through them: each is read when it is looked at, the last few stay."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xtop.frame import Frame
from xtop.history import GRAPH_SECONDS, QUEUE_SECONDS, Curves, LinkHistory, LossNow, loss_between
from xtop.model import (
    FLOW_DURATION_UPPER,
    FLOW_PACKETS_UPPER,
    PACKET_SIZE_UPPER,
    Accounting,
    CaptureState,
    Histogram,
    Lost,
    Snapshot,
    SourceInfo,
    Totals,
)
from xtop.screen_rows import keys_of, rates_of
from xtop.store.fields import Damaged
from xtop.store.files import Entry
from xtop.store.member import unpacked
from xtop.store.moment import Moment, read
from xtop.timeline import CURVE_S, Moments
from xtop.units import NANOSECONDS

KEPT = 2 * CURVE_S  # moments that stay unpacked: those that the curves of one screen are made of, and more


@dataclass(frozen=True, slots=True)
class _Known:
    moment: Moment
    rates: Mapping[int, float]


class StoredTimeline(Moments):
    """The moments of ``entries``, at least one, in the order of their time.

    One that cannot be read is there all the same, empty, and says why.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._entries = entries
        self._times = [entry.header.taken_at for entry in entries]
        self._known: OrderedDict[int, _Known] = OrderedDict()

    @property
    def last(self) -> int:
        """The time of the last moment."""
        return self._times[-1]

    def curves(self, taken_at: int) -> Curves:
        """Return the link's curves up to ``taken_at``: rates out of the headers, queues out of the last moments."""
        history, seconds = LinkHistory(), taken_at // NANOSECONDS
        end = bisect_right(self._times, taken_at)
        whole = bisect_left(self._times, (seconds - QUEUE_SECONDS) * NANOSECONDS)
        shape = replace(self._moment(max(0, end - 1)).snapshot, flows=(), queues=())
        for index in range(bisect_left(self._times, (seconds - GRAPH_SECONDS) * NANOSECONDS), end):
            if index >= whole:
                frame = self._frame(index)
                history.record(frame.snapshot, frame.loss_now)
            else:
                header = self._entries[index].header
                totals = replace(shape.totals, bps=header.bps, pps=header.pps)
                history.record(replace(shape, taken_at=header.taken_at, totals=totals), LossNow())
        return history.until(taken_at)

    def _frame(self, index: int) -> Frame:
        moment = self._moment(index)
        before = self._moment(index - 1).snapshot if index else None
        return Frame(moment.snapshot, loss_between(before, moment.snapshot), moment.last_lost)

    def _rate(self, index: int, hashed: int) -> float | None:
        return self._rates(index).get(hashed)

    def _rates(self, index: int) -> Mapping[int, float]:
        self._moment(index)
        return self._known[index].rates

    def _moment(self, index: int) -> Moment:
        known = self._known.get(index)
        if known is None:
            moment = _read(self._entries[index])
            flows = moment.snapshot.flows
            rates = dict(zip(map(hash, keys_of(flows)), rates_of(flows), strict=True))
            known = self._known[index] = _Known(moment, rates)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(index)
        return known.moment


def _read(entry: Entry) -> Moment:
    try:
        with entry.path.open("rb") as stream:
            stream.seek(entry.offset)
            return read(unpacked(stream.read(entry.header.size)))
    except (OSError, Damaged) as error:
        return Moment(_unreadable(entry, str(error)))


def _unreadable(entry: Entry, why: str) -> Snapshot:
    """Return a moment of which nothing is known but when it was."""
    name = entry.path.name
    return Snapshot(
        taken_at=entry.header.taken_at,
        interval_s=0.0,
        source=SourceInfo("interface", name, "store", queues=0),
        totals=Totals(bps=entry.header.bps, pps=entry.header.pps),
        accounting=Accounting(),
        lost=Lost(),
        queues=(),
        packet_size=_empty("bytes", PACKET_SIZE_UPPER),
        flow_duration=_empty("s", FLOW_DURATION_UPPER),
        flow_packets=_empty("packets", FLOW_PACKETS_UPPER),
        protocols=(),
        flows=(),
        state=CaptureState.FAILED,
        state_text=f"this moment cannot be read ({name}, byte {entry.offset:,}: {why})",
    )


def _empty(unit: str, upper: tuple[float | None, ...]) -> Histogram:
    return Histogram(unit, upper, (0,) * len(upper))
