# SPDX-License-Identifier: BSD-2-Clause
"""Time travel without a screen: what is remembered, for how long, in how much memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.screen.scripted_source import SECOND, START, Script, ScriptedSource
from xtop.frame import Frame
from xtop.frame_chain import ROWS
from xtop.history import LossNow
from xtop.model import Snapshot, View
from xtop.playback import Playback
from xtop.timeline import Timeline

VIEW = View(top=1000, sort="bps")


def played(count: int, script: Script | None = None, interval_s: float = 1.0) -> tuple[Playback, list[Snapshot]]:
    source, playback = ScriptedSource(script or Script(flows=12), interval_s), Playback(lambda: 0.0)
    snapshots = [source.snapshot(VIEW) for _ in range(count)]
    for snapshot in snapshots:
        playback.take(snapshot)
    return playback, snapshots


def test_a_frame_comes_back_as_it_was_with_its_first_rows() -> None:
    source, timeline = ScriptedSource(Script(flows=400, loss=True, queues=16)), Timeline()
    snapshot = source.snapshot(VIEW)
    assert len(snapshot.flows) > ROWS
    timeline.record(Frame(snapshot, LossNow({"nic": 2.0}, {0: 1.0}), {"nic": 5}))
    frame = timeline.at(snapshot.taken_at)
    assert frame == Frame(replace(snapshot, flows=snapshot.flows[:200]), LossNow({"nic": 2.0}, {0: 1.0}), {"nic": 5})


def test_a_quarter_of_an_hour_is_kept_and_no_more() -> None:
    timeline, snapshot = Timeline(), ScriptedSource(Script(flows=3)).snapshot(VIEW)
    for second in range(1000):
        timeline.record(Frame(replace(snapshot, taken_at=START + second * SECOND)))
    assert len(timeline) == 901
    assert timeline.first == START + 99 * SECOND


def test_memory_is_bounded_whatever_comes() -> None:
    source, timeline = ScriptedSource(Script(flows=1100, queues=64, loss=True)), Timeline(most_bytes=1 << 20)
    for _ in range(100):
        timeline.record(Frame(source.snapshot(VIEW)))
        assert timeline.size <= 1 << 20
    assert timeline.size > 1 << 19, "and it is used"
    assert len(timeline) > 10, "the newest stay"
    assert timeline.before(START + 99 * SECOND) == START + 98 * SECOND


def test_a_flow_curve_has_a_value_a_second_and_none_where_the_flow_was_not() -> None:
    source, timeline = ScriptedSource(Script(flows=4)), Timeline()
    snapshots = [source.snapshot(VIEW) for _ in range(5)]
    flow = snapshots[0].flows[0]
    for index, snapshot in enumerate(snapshots):
        if index == 3:  # a slow machine: this second has no frame of its own
            continue
        flows = tuple(one for one in snapshot.flows if one.key != flow.key or index != 1)
        timeline.record(Frame(replace(snapshot, flows=flows)))
    rate = [next(one.bps for one in snapshot.flows if one.key == flow.key) for snapshot in snapshots]
    found = timeline.rates(flow.key, snapshots[4].taken_at, 7)
    expected = [None, None, rate[0], None, rate[2], rate[4], rate[4]]
    assert [None if value is None else pytest.approx(value, rel=1e-6) for value in found] == expected


def test_stepping_back_and_forward_ends_in_the_present() -> None:
    playback, snapshots = played(10)
    assert not playback.step(1), "the present is the end"
    assert playback.step(-1)
    assert playback.step(-1)
    assert playback.shown is not None
    assert playback.shown.snapshot == replace(snapshots[7], flows=playback.shown.snapshot.flows)
    assert playback.behind_s == 2
    playback.take(replace(snapshots[9], taken_at=START + 12 * SECOND))
    assert playback.shown.snapshot.taken_at == snapshots[7].taken_at, "what comes moves nothing"
    assert playback.behind_s == 5
    assert playback.step(1)
    assert playback.step(1)
    assert playback.behind_s == 3
    assert playback.step(1)
    assert playback.live
    assert playback.shown.snapshot.taken_at == START + 12 * SECOND


def test_jumps_stop_at_the_ends() -> None:
    playback, snapshots = played(100)
    assert playback.jump(-60)
    assert playback.behind_s == 60
    assert playback.jump(-60)
    assert playback.shown is not None
    assert playback.shown.snapshot.taken_at == snapshots[0].taken_at
    assert not playback.jump(-60)
    assert playback.jump(60)
    assert playback.behind_s == 39
    assert playback.jump(60)
    assert playback.live


def test_the_past_has_the_curves_and_trends_of_its_time() -> None:
    playback, snapshots = played(30)
    live = playback.trends()
    key = snapshots[29].flows[0].key
    assert len(live[key]) == 8
    playback.jump(-10)
    assert playback.curves().bps[-3:] == tuple(snapshot.totals.bps for snapshot in snapshots[17:20])
    then = [next(flow.bps for flow in snapshot.flows if flow.key == key) for snapshot in snapshots[12:20]]
    assert playback.trends()[key] == pytest.approx(then, rel=1e-6)


def test_another_capture_starts_over() -> None:
    playback, snapshots = played(5)
    playback.hold()
    playback.take(replace(snapshots[4], source=replace(snapshots[4].source, name="eth2")))
    assert len(playback.timeline) == 1
    assert playback.live


def test_a_cause_keeps_the_time_of_its_last_loss() -> None:
    playback, snapshots = played(3, Script(flows=3, loss=True))
    assert playback.latest is not None
    # nic stands at 51 from the first snapshot on, the rings lose on
    assert playback.latest.last_lost == {
        "nic": snapshots[0].taken_at,
        "rx_ring_full": snapshots[2].taken_at,
        "rx_fill_ring_empty": snapshots[2].taken_at,
    }


def test_what_is_asked_after_the_end_is_no_interval() -> None:
    source, playback = ScriptedSource(Script(flows=12, done_at=3)), Playback(lambda: 0.0)
    for _ in range(4):
        playback.take(source.snapshot(VIEW))
    last = playback.shown
    assert last is not None
    key, curves = last.snapshot.flows[0].key, playback.curves()
    for sort in ("packets", "bytes", "bps"):
        snapshot = source.snapshot(replace(VIEW, sort=sort))
        playback.take(snapshot)
        assert playback.curves() == curves, "the graph stands where the capture has ended"
        assert sum(second is not None for second in playback.curves().bps) == 4, "the seconds 0 to 3"
        assert len(playback.trends()[key]) == 4
        assert playback.timeline.rates(key, START + 9 * SECOND, 10)[4:] == (None,) * 6
        assert playback.shown is not None
        assert playback.shown.snapshot == replace(snapshot, taken_at=START + 3 * SECOND), "the rows are new"
    assert len(playback.timeline) == 4


def test_rows_that_are_asked_for_after_the_end_have_their_rates() -> None:
    source, playback = ScriptedSource(Script(flows=12, done_at=0)), Playback(lambda: 0.0)
    playback.take(source.snapshot(VIEW))
    with_ended = source.snapshot(replace(VIEW, ended=True))
    ended = next(replace(flow, bps=800.0) for flow in with_ended.flows if flow.end_reason)
    playback.take(replace(with_ended, flows=(ended,)))
    assert playback.trends()[ended.key] == (800.0,)
    assert playback.timeline.rates(ended.key, START, 2) == (None, 800.0)
