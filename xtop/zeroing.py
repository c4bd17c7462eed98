# SPDX-License-Identifier: BSD-2-Clause
"""Counters from a chosen moment on: a snapshot less an earlier one of the same capture.

What is counted since the start becomes what was counted since then; rates, live flows and the flows themselves stay as
they are. The conservation law holds of the difference as it does of both. This is for looking: nothing that is
written to a file goes through here.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

from xtop.model import Accounting, Histogram, Lost, Protocol, Queue, Snapshot, Totals

Counters = TypeVar("Counters", Accounting, Lost, Totals, Queue)

_TOTALS = (
    "packets",
    "bytes",
    "flows_created",
    "flows_ended",
    "flows_evicted",
    "length_mismatch",
    "too_deep",
    "byte_histograms_full",
)
_QUEUE = ("packets", "bytes", "rx_dropped", "rx_ring_full", "rx_fill_ring_empty", "rx_invalid_descs", "ring")


def counted_since(zero: Snapshot, now: Snapshot) -> Snapshot:
    """Return ``now`` with its counters counted from ``zero``; one that is not later than ``zero`` as it is."""
    if now.taken_at < zero.taken_at or now.source.name != zero.source.name:
        return now
    earlier = {queue.key: queue for queue in zero.queues}
    return replace(
        now,
        totals=_less(now.totals, zero.totals, _TOTALS),
        accounting=_less(now.accounting, zero.accounting),
        lost=_less(now.lost, zero.lost),
        queues=tuple(_queue(queue, earlier.get(queue.key)) for queue in now.queues),
        packet_size=_histogram(now.packet_size, zero.packet_size),
        flow_duration=_histogram(now.flow_duration, zero.flow_duration),
        flow_packets=_histogram(now.flow_packets, zero.flow_packets),
        flow_interarrival=_histogram(now.flow_interarrival, zero.flow_interarrival),
        protocols=_protocols(now.protocols, zero.protocols),
    )


def _less(now: Counters, zero: Counters, names: tuple[str, ...] = ()) -> Counters:
    names = names or tuple(counter.name for counter in fields(now))
    return replace(now, **{name: max(0, getattr(now, name) - getattr(zero, name)) for name in names})


def _queue(now: Queue, zero: Queue | None) -> Queue:
    if zero is None:
        return now
    return replace(_less(now, zero, _QUEUE), accounting=_less(now.accounting, zero.accounting))


def _histogram(now: Histogram, zero: Histogram) -> Histogram:
    # A live flow moves from bin to bin as it grows, so a bin may hold fewer than it did: then none are new.
    return replace(now, counts=tuple(max(0, one - other) for one, other in zip(now.counts, zero.counts, strict=True)))


def _protocols(now: tuple[Protocol, ...], zero: tuple[Protocol, ...]) -> tuple[Protocol, ...]:
    earlier = {protocol.protocol: protocol for protocol in zero}
    counted = []
    for protocol in now:
        before = earlier.get(protocol.protocol, Protocol(protocol.protocol, 0, 0, 0))
        packets, size = protocol.packets - before.packets, protocol.bytes - before.bytes
        if packets > 0:
            counted.append(replace(protocol, packets=packets, bytes=max(0, size)))
    return tuple(counted)
