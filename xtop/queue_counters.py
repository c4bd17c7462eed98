# SPDX-License-Identifier: BSD-2-Clause
"""The counters of a capture's queues, copied out of its segment, and their rates from look to look."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from xtop._native import ffi, lib
from xtop.model import Accounting, Protocol, Queue
from xtop.protocols import protocol_name
from xtop.rates import Rate, Reading, rate_between


class QueueCounters:
    """What ``reader`` sees of the queues; with ``over_span`` rates are over all the time that there was traffic."""

    def __init__(self, reader: Any, over_span: bool) -> None:
        self._reader = reader
        self._count = lib.reader_header(reader).queue_count
        self._over_span = over_span
        self._readings: dict[int, Reading] = {}
        self._rates: dict[int, Rate] = {}
        self._opened_at = time.monotonic_ns()
        self._final = False  # the rates stand as they were when the capture ended

    @property
    def rates(self) -> Mapping[int, Rate]:
        """The rates of the last look, by the queue's place."""
        return self._rates

    def look(self, over: bool, stand: bool) -> list[Any]:
        """Copy every queue's counters, and take their rates, unless those before shall ``stand``."""
        copies = []
        for number in range(self._count):
            queue = ffi.new("struct xtop_queue *")
            lib.reader_queue(self._reader, number, queue)
            copies.append(queue)
        if self._over_span:
            self._rates = {number: _span_rate(queue) for number, queue in enumerate(copies)}
        elif not self._final and not (stand and self._rates):
            now = time.monotonic_ns()
            for number, queue in enumerate(copies):
                reading = Reading(now, queue.received, queue.received_bytes, queue.busy_ns)
                before = self._readings.get(number) or Reading(now - self._first_interval(queue, over, now))
                self._rates[number] = rate_between(before, reading)
                self._readings[number] = reading
        self._final = over
        return copies

    def _first_interval(self, queue: Any, over: bool, now: int) -> int:
        """Return what a queue's first rates are over, ns: how long it has had traffic, or was looked for some.

        What a capture that has begun just now has seen so far may have come within a moment.
        """
        span = int(queue.time - queue.first_time) if queue.first_time else 0
        return span if over else max(span, now - self._opened_at)


def _span_rate(queue: Any) -> Rate:
    return rate_between(
        Reading(queue.first_time), Reading(queue.time, queue.received, queue.received_bytes, queue.busy_ns)
    )


def _accounting(queue: Any) -> Accounting:
    return Accounting(
        received=queue.received,
        accounted=queue.accounted,
        non_ip=queue.non_ip,
        malformed=queue.malformed,
        filtered=queue.filtered,
        sampled_out=queue.sampled_out,
        table_full=queue.table_full,
        duplicates=queue.duplicates,
    )


def sum_accounting(queues: Sequence[Any]) -> Accounting:
    """Return the terms of the conservation law of all ``queues`` together."""
    each = [_accounting(queue) for queue in queues]
    names = ("received", "accounted", "non_ip", "malformed", "filtered", "sampled_out", "table_full", "duplicates")
    return Accounting(**{name: sum(getattr(one, name) for one in each) for name in names})


def queue_value(queue: Any, rate: Rate, interface: str | None) -> Queue:
    """Return a queue's counters as values."""
    return Queue(
        queue=queue.queue,
        cpu=queue.cpu if queue.cpu >= 0 else None,
        packets=queue.received,
        bytes=queue.received_bytes,
        pps=rate.pps,
        bps=rate.bps,
        busy=rate.busy,
        rx_dropped=queue.rx_dropped,
        rx_ring_full=queue.rx_ring_full,
        rx_fill_ring_empty=queue.rx_fill_ring_empty,
        rx_invalid_descs=queue.rx_invalid_descs,
        ring=queue.ring_dropped,
        accounting=_accounting(queue),
        interface=interface,
    )


def sum_arrays(arrays: Sequence[Any]) -> tuple[int, ...]:
    """Return the sums of what stands at the same place in each of ``arrays``."""
    return tuple(map(sum, zip(*(ffi.unpack(array, len(array)) for array in arrays), strict=True)))


def sum_protocols(tables: Sequence[Any]) -> tuple[Protocol, ...]:
    """Return the protocols that were seen, the one with most bytes first."""
    seen = []
    for number in range(256):
        packets = sum(table[number].packets for table in tables)
        if packets:
            total, flows = (sum(getattr(table[number], name) for table in tables) for name in ("bytes", "flows"))
            seen.append(Protocol(protocol_name(number), packets, total, flows))
    return tuple(sorted(seen, key=lambda protocol: -protocol.bytes))
