# SPDX-License-Identifier: BSD-2-Clause
"""A quarter of an hour of a capture, and more: each moment comes back as it was, in every field."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from xtop._native import ffi, lib
from xtop.frame import Frame
from xtop.history import LossNow
from xtop.model import Snapshot, View
from xtop.screen_rows import ScreenRows, keys_of, rates_of
from xtop.settings import CaptureSettings
from xtop.shm_source import ShmSource
from xtop.timeline import CHAIN, Timeline

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
SHOWN = 200  # rows that are kept of a moment
SPAN = 900  # and for so many seconds
TAKEN = SPAN + 2 * CHAIN + 7

# What an operator looks at one after the other; so rows of another kind follow each other within a chain.
VIEWS = (
    (View(top=1000, sort="bps"), 400),
    (View(top=1000, sort="bps", ended=True, group="host"), 100),
    (View(top=1000, sort="pps", directions=True), 45),
    (View(top=150, sort="source", descending=False, group="pair", directions=True), 30),
    (View(top=1000, sort="bytes", group="port"), 1),
    (View(top=1000, sort="last_seen", ended=True, group="protocol"), 60),
    (View(top=1000, sort="bps", filter="proto tcp"), 1000),
)


def views() -> Iterator[View]:
    for view, times in VIEWS:
        yield from [view] * times


# Which moments are held against what was live, counted from the first that is kept: all about the edges of chains and
# of the span, and some of the rest.
CHECKED = {*range(CHAIN + 2), *range(CHAIN + 2, SPAN - CHAIN, 11), *range(SPAN - CHAIN, SPAN + 1)}


@dataclass(frozen=True)
class Played:
    """A timeline that all of a capture went through, and what was live, by the second counted as above."""

    timeline: Timeline
    frames: dict[int, Frame]  # of CHECKED, with rows as Python objects
    rates: dict[int, dict[bytes, float]]  # of the rows that are kept


def at(second: int) -> int:
    return START + second * SECOND


def as_values(snapshot: Snapshot) -> Snapshot:
    """The snapshot with rows as Python objects: those that are kept of it."""
    return replace(snapshot, flows=tuple(snapshot.flows[:SHOWN]), groups=tuple(snapshot.groups[:SHOWN]))


def rates_kept(snapshot: Snapshot) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for rows in (snapshot.groups, snapshot.flows):
        found |= dict(zip(keys_of(rows)[:SHOWN], rates_of(rows)[:SHOWN], strict=True))
    return found


@pytest.fixture(scope="module")
def played() -> Played:
    """Flows come, end, and change places all the time."""
    settings = CaptureSettings(demo=True, seed=7, demo_flows=3000, demo_rate=150_000, max_flows=2000, idle_timeout=1.0)
    played = Played(Timeline(), {}, {})
    with closing(ShmSource.start(settings)) as source:
        deadline = time.monotonic() + 40
        while source.snapshot(View(top=1)).totals.flows_ended < 1000:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for second, view in zip(range(SPAN + 1 - TAKEN, SPAN + 1), views(), strict=False):
            live = replace(source.snapshot(view), taken_at=at(second))
            assert isinstance(live.flows, ScreenRows)
            frame = Frame(live, LossNow({"nic": second / 3}, {0: 1.5}), {"nic": second})
            if second in CHECKED:
                played.frames[second] = replace(frame, snapshot=as_values(live))
            played.rates[second] = rates_kept(live)
            played.timeline.record(frame)
    return played


def test_every_moment_of_a_quarter_of_an_hour_is_what_it_was(played: Played) -> None:
    timeline = played.timeline
    assert (len(timeline), timeline.first) == (SPAN + 1, at(0))
    first = timeline.at(at(-5))
    assert first is not None
    assert first.snapshot.taken_at == at(0), "earlier there is nothing"
    assert max(len(frame.snapshot.flows) for frame in played.frames.values()) == SHOWN
    for second in sorted(CHECKED):
        then = timeline.at(at(second))
        assert then is not None
        assert replace(then, snapshot=as_values(then.snapshot)) == played.frames[second], f"{second} s after the first"


@pytest.mark.parametrize("second", [20, 300, 870, SPAN - 61, SPAN - 60, SPAN - 59, SPAN - 1])
def test_curves_of_the_past_are_the_rates_that_the_rows_had(played: Played, second: int) -> None:
    """Those of more than two minutes ago are had from the rows that are kept, later ones may know further rows."""
    known = played.rates[second]
    key = list(known)[len(known) // 2]
    seconds = range(max(0, second - 59), second + 1)
    expected = [played.rates[one].get(key) for one in seconds]
    curve = played.timeline.rates(key, at(second))[-len(expected) :]
    for had, then in zip(curve, expected, strict=True):
        if then is not None or second < SPAN - 120:
            assert had == (None if then is None else pytest.approx(then, rel=1e-6))
    shown = played.timeline.at(at(second))
    assert shown is not None
    trend = played.timeline.trends(shown.snapshot, 8)[key] if key in keys_of(shown.snapshot.rows) else None
    if trend is not None and second < SPAN - 120:
        assert trend == pytest.approx([rate for rate in expected[-8:] if rate is not None], rel=1e-6)


def test_any_rows_come_back_whatever_was_before() -> None:
    """Records of random bytes, half of their flows known from random ones before: but for what is nobody's to see."""
    pick, count, size = random.Random(11), 300, ffi.sizeof("struct reader_row")
    before, rows, back = (ffi.new("struct reader_row[]", count) for _ in range(3))
    for kind in ("first", "unknown", "known"):
        ffi.buffer(before)[:] = pick.randbytes(count * size)
        ffi.buffer(rows)[:] = pick.randbytes(count * size)
        for row in range(count) if kind == "known" else ():
            if row % 2:
                other = before[(row + pick.choice((-1, 0, 1, 150))) % count]
                rows[row].record.key, rows[row].flow_id = other.record.key, other.flow_id
                rows[row].record.initiator = other.record.initiator
        expected = ffi.new("struct reader_row[]", list(rows))
        for one in expected:
            one.record.sequence = one.record.generation = 0
            one.record.tcp_next = one.histogram = one.histogram_generation = one.histogram_queue = (0, 0)
            if kind == "unknown":  # and no entropy was reckoned
                one.entropy = (0, 0, 0)
        columns = ffi.new("uint8_t[]", lib.row_columns_size(count))
        known = 0 if kind == "first" else count
        lib.row_columns_write(rows, count, before, known, kind != "unknown", columns)
        lib.row_columns_read(columns, count, before, known, back)
        assert ffi.buffer(back)[:] == ffi.buffer(expected)[:], kind
