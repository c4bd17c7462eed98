# SPDX-License-Identifier: BSD-2-Clause
"""What the header says in each state, and what the screen remembers between snapshots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.screen.scripted_source import SECOND, Script, ScriptedSource
from xtop.history import REMEMBERED_SECONDS, TREND_LENGTH, FlowTrends, LinkHistory, LossNow, loss_between
from xtop.layout import Layout, choose
from xtop.model import CaptureState, ExporterStatus, View
from xtop.picture import Picture, status
from xtop.widgets.state_banner import banner


def test_a_fault_of_xtop_comes_first() -> None:
    broken = ScriptedSource(Script(breach=True)).snapshot(View())
    for picture in (Picture(broken), Picture(broken, paused_s=3), Picture(broken, failure="gone")):
        said = status(picture)
        assert said.word == "fault"
        assert said.alarming
        assert "12 of" in said.reason


@pytest.mark.parametrize(
    ("state", "packets", "paused", "word"),
    [
        (CaptureState.STARTING, 0, None, "starting"),
        (CaptureState.RUNNING, 0, None, "waiting"),
        (CaptureState.RUNNING, 1, None, "live"),
        (CaptureState.RUNNING, 1, 42, "paused 00:42"),
        (CaptureState.DONE, 1, None, "ended"),
        (CaptureState.FAILED, 1, None, "failed"),
        (CaptureState.FAILED, 1, 42, "failed"),
    ],
)
def test_each_state_has_a_word(state: CaptureState, packets: int, paused: int | None, word: str) -> None:
    snapshot = ScriptedSource().snapshot(View())
    snapshot = replace(snapshot, state=state, totals=replace(snapshot.totals, packets=packets))
    assert status(Picture(snapshot, paused_s=paused)).word == word


def test_a_note_gives_way_to_a_reason() -> None:
    snapshot = ScriptedSource().snapshot(View())
    assert banner(Picture(snapshot), 80) == []
    noted = replace(snapshot, source=replace(snapshot.source, notes=("zero copy refused (driver)", "copy mode")))
    assert banner(Picture(noted), 80) == [[(" ※ zero copy refused (driver) · copy mode", "dim")]]
    assert banner(Picture(noted), 12) == [[(" ※ zero cop…", "dim")]]
    ended = replace(noted, state=CaptureState.DONE, state_text="the file ends here")
    assert banner(Picture(ended), 80) == [[(" ■ the file ends here · these are its last figures", "accent")]]


def test_an_export_says_how_it_goes() -> None:
    snapshot = ScriptedSource().snapshot(View())
    well = replace(snapshot, exporters=(ExporterStatus("udp://c:4739", True, flows=1234),))
    assert banner(Picture(well), 80) == [[(" ※ 1,234 flows exported to udp://c:4739", "dim")]]
    away = ExporterStatus("tcp://c:4739", flows=5, queued=6, trouble="connection refused")
    said = " ⇥ export to tcp://c:4739: connection refused · 5 flows sent, 6 wait, 0 lost"
    assert banner(Picture(replace(snapshot, exporters=(away,))), 80) == [[(said, "warn")]]
    behind = ExporterStatus("udp://c:4739", True, flows=5, lost=7)
    said = " ⇥ export to udp://c:4739 · 5 flows sent, 0 wait, 7 lost"
    assert banner(Picture(replace(snapshot, exporters=(behind,))), 80) == [[(said, "warn")]]


def test_a_late_snapshot_leaves_no_gap_in_the_curve() -> None:
    source, history = ScriptedSource(), LinkHistory()
    first = source.snapshot(View())
    late = replace(source.snapshot(View()), taken_at=first.taken_at + 3 * SECOND + SECOND // 2)
    history.record(first, LossNow())
    history.record(late, LossNow())
    assert history.until(late.taken_at).bps[-4:] == (first.totals.bps, *[late.totals.bps] * 3)
    assert history.until(first.taken_at).bps[-1] == first.totals.bps


def test_history_is_bounded() -> None:
    source, history, trends = ScriptedSource(Script(flows=5)), LinkHistory(), FlowTrends()
    for _ in range(REMEMBERED_SECONDS + 100):
        snapshot = source.snapshot(View())
        history.record(snapshot, LossNow())
        trends.record(snapshot)
    assert len(history._by_second) == REMEMBERED_SECONDS
    assert {len(rates) for rates in trends.by_key().values()} == {TREND_LENGTH}
    trends.record(replace(snapshot, flows=()))
    assert trends.by_key() == {}


def test_loss_is_per_second_of_the_time_that_passed() -> None:
    source = ScriptedSource(Script(loss=True), interval_s=2.0)
    before, now = source.snapshot(View()), source.snapshot(View())
    loss = loss_between(before, now)
    assert loss.by_cause["rx_ring_full"] == 600
    assert loss.by_cause["nic"] == 0
    assert loss.by_queue["eth1", 0] == pytest.approx(618.5)
    assert loss_between(None, now).total == loss_between(now, now).total == 0


@pytest.mark.parametrize(
    ("size", "layout"),
    [
        ((59, 40), Layout.TINY),
        ((60, 15), Layout.COMPACT),
        ((80, 24), Layout.COMPACT),
        ((120, 36), Layout.NORMAL),
        ((200, 36), Layout.NORMAL),
        ((200, 60), Layout.WIDE),
    ],
)
def test_layout(size: tuple[int, int], layout: Layout) -> None:
    assert choose(*size) is layout
