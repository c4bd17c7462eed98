# SPDX-License-Identifier: BSD-2-Clause
"""Rates of queues: what the first are over, and when they stand still."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from xtop import queue_counters
from xtop.queue_counters import QueueCounters
from xtop.rates import Rate

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


class FakeQueue:
    """One queue that the test fills, and the clock that looks at it are measured by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 50 * SECOND
        self.counters: dict[str, int] = {}
        native = SimpleNamespace(reader_header=lambda reader: SimpleNamespace(queue_count=1), reader_queue=self._copy)
        monkeypatch.setattr(queue_counters, "lib", native)
        monkeypatch.setattr(queue_counters, "time", SimpleNamespace(monotonic_ns=lambda: self.now))

    def _copy(self, reader: object, number: int, queue: Any) -> None:
        for name, value in self.counters.items():
            setattr(queue, name, value)

    def saw(self, packets: int, octets: int, span: int) -> None:
        """Have so many packets, which came within ``span`` ns."""
        self.counters = {"received": packets, "received_bytes": octets, "first_time": START, "time": START + span}

    def rate(self, counters: QueueCounters, over: bool = False, stand: bool = False) -> Rate:
        """Return the queue's rate, looked at now."""
        counters.look(over, stand)
        return counters.rates[0]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    return FakeQueue(monkeypatch)


def test_the_first_packet_of_a_capture_is_no_gigabit(queue: FakeQueue) -> None:
    counters = QueueCounters(None, over_span=False)
    queue.saw(packets=1, octets=86, span=0)
    queue.now += SECOND // 2
    assert queue.rate(counters) == Rate(pps=2, bps=2 * 86 * 8)


def test_a_capture_that_has_run_for_long_is_measured_over_its_span(queue: FakeQueue) -> None:
    counters = QueueCounters(None, over_span=False)
    queue.saw(packets=1000, octets=100_000, span=20 * SECOND)
    queue.now += SECOND // 2
    assert queue.rate(counters) == Rate(pps=1000 / 20, bps=100_000 * 8 / 20)


def test_what_is_over_is_measured_over_its_span(queue: FakeQueue) -> None:
    queue.saw(packets=10, octets=1000, span=SECOND // 100)
    counters, of_file = QueueCounters(None, over_span=False), QueueCounters(None, over_span=True)
    queue.now += SECOND
    assert queue.rate(counters, over=True) == queue.rate(of_file, over=True) == Rate(pps=1000, bps=800_000)


def test_one_packet_has_no_span_and_no_rate(queue: FakeQueue) -> None:
    queue.saw(packets=1, octets=86, span=0)
    counters = QueueCounters(None, over_span=False)
    queue.now += SECOND
    assert queue.rate(counters, over=True) == Rate()


def test_a_killed_capture_keeps_the_rates_of_its_last_whole_interval(queue: FakeQueue) -> None:
    counters = QueueCounters(None, over_span=False)
    for packets in (0, 20_000):
        queue.saw(packets, packets * 100, span=SECOND)
        queue.now += SECOND
        last = queue.rate(counters)
    queue.saw(22_000, 2_200_000, span=SECOND)  # a tenth of a second, and it was killed
    queue.now += SECOND
    assert queue.rate(counters, over=True, stand=True) == last == Rate(pps=20_000, bps=16_000_000)
    assert queue.rate(counters, over=True, stand=True) == last


def test_a_capture_that_was_killed_before_it_was_looked_at_has_the_rates_of_its_span(queue: FakeQueue) -> None:
    queue.saw(packets=10, octets=1000, span=SECOND // 100)
    queue.now += SECOND
    assert queue.rate(QueueCounters(None, over_span=False), over=True, stand=True) == Rate(pps=1000, bps=800_000)
