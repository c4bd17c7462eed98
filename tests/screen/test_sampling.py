# SPDX-License-Identifier: BSD-2-Clause
"""A sampled capture says so wherever its figures stand, and an estimate bears its mark."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.screen.scripted_source import Script, ScriptedSource
from tests.screen.stage import StagedApp, play
from tests.unit.sample_snapshot import FLOW, SNAPSHOT
from xtop.cells import Scene, share
from xtop.ink import plain
from xtop.model import View
from xtop.picture import Picture, Pinned, describe
from xtop.widgets.flow_detail import detail_lines


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_header_and_table_name_the_sampling(size: tuple[int, int]) -> None:
    app = StagedApp(Script(flows=50, sampling=1000))
    async with app.run_test(size=size) as pilot:
        await play(pilot, 3)
        lines = app.text().splitlines()
        (title,) = [line for line in lines if "Flows by rate" in line]
        assert "sampled 1 in 1000" in title
        assert size[0] == 80 or "sampled 1 in 1000 at random" in lines[0]


def test_what_is_watched_comes_with_its_sampling_first() -> None:
    source = ScriptedSource(Script(sampling=64)).snapshot(View()).source
    assert describe(source)[:2] == ["eth1", "sampled 1 in 64 at random"]
    assert describe(replace(source, sampling_method="systematic"))[1] == "sampled 1 in 64"
    assert not any("sampled" in part for part in describe(replace(source, sampling=1)))


def test_a_share_of_all_is_an_estimate() -> None:
    """A flow of 1 % of the link's bits sampled 1 in 10 had a thousandth of them in the sample."""
    flow = replace(FLOW, bps=1e6)
    assert share(flow, Scene(total_bps=1e9, sampling=10), 6)[0] == "~  1%"
    assert "~" not in share(flow, Scene(total_bps=1e9), 6)[0]


def test_a_flow_in_full_shows_what_was_counted_and_what_it_stands_for() -> None:
    flow = replace(FLOW, forward=replace(FLOW.forward, packets=12, bytes=1200))
    sampled = replace(SNAPSHOT, source=replace(SNAPSHOT.source, sampling=1000, sampling_method="systematic"))
    lines = [plain(line).split() for line in detail_lines(Picture(sampled, pinned=Pinned(flow)), 80)]
    rows = {line[0] if line[0] != "est." else " ".join(line[:2]): line for line in lines if line}
    assert rows["packets"][1] == "12"
    assert rows["est. packets"][2] == "~12.0"
    assert rows["est. bytes"][2] == "~1.20"
    whole = [plain(line) for line in detail_lines(Picture(SNAPSHOT, pinned=Pinned(flow)), 80)]
    assert not any("est." in line for line in whole)
