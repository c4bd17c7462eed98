# SPDX-License-Identifier: BSD-2-Clause
"""The table of columns against the model, the widths of terminals, and flows at the limits of what a flow can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.screen.scripted_source import ScriptedSource
from xtop.arrangement import arrange, offer, scrolled_order
from xtop.cells import Scene, retransmissions
from xtop.columns import COLUMNS, TABLES, by_sort, next_sort, ordered, sortable
from xtop.model import SORT_KEYS, Direction, Flow, SourceInfo, Tunnel, View


@pytest.fixture(scope="module")
def flows() -> tuple[Flow, ...]:
    return ScriptedSource().snapshot(View(sort="bps", ended=True)).flows


def test_each_sort_key_has_one_column() -> None:
    assert sorted(column.sort or "" for column in sortable()) == sorted(SORT_KEYS)
    assert all(column.value is not None for column in sortable())


def test_next_sort_goes_round_all_that_are_not_optional() -> None:
    seen, sort = [], "bps"
    for _ in range(len(SORT_KEYS) - 1):
        seen.append(sort)
        sort = next_sort(sort).sort or ""
    assert sort == "bps"
    assert set(seen) == set(SORT_KEYS) - {"entropy"}
    assert next_sort("entropy").sort in seen


@pytest.mark.parametrize(("group", "split"), [("flow", True), ("pair", True), ("host", False), ("port", False)])
def test_a_row_of_one_direction_is_not_told_apart(group: str, split: bool) -> None:
    apart = {"sent", "received", "sent_bps", "received_bps"}
    offered = offer(group, directions=True).others
    assert {column.name for column in offer(group).others} - {column.name for column in offered} == (
        apart if split else set()
    )
    assert {column.sort for column in offer(group, directions=True, wanted="received").others} & apart == (
        {"received"} if split else apart
    ), "what the rows are sorted by is shown"
    assert offer(group, ("received",), directions=True).others == () or not split
    sorts, sort = set(), "bps"
    while sort not in sorts:
        sorts.add(sort)
        sort = next_sort(sort, group, directions=True).sort or ""
    assert sorts & apart == (set() if split else apart)
    assert arrange(78, 0, offer(group, ("received",), directions=True)).columns


@pytest.mark.parametrize("width", range(58, 260))
def test_no_column_is_cut(width: int) -> None:
    columns = arrange(width).columns
    assert sum(column.width + 1 for column in columns) - 1 <= width
    assert "bps" in {column.name for column in columns}


@pytest.mark.parametrize("group", TABLES)
@pytest.mark.parametrize("width", [58, 78, 118, 139, 198, 259])
def test_no_column_is_cut_wherever_it_is_scrolled_to(width: int, group: str) -> None:
    offered = offer(group, ended=True, names=True)
    first_page = arrange(width, 0, offered).columns
    for first in range(len(offered.others)):
        columns = arrange(width, first, offered).columns
        assert sum(column.width + 1 for column in columns) - 1 <= width
        fixed = len(offered.fixed)
        assert columns[:fixed] == first_page[:fixed], "what names the row does not move"
        assert len(columns) > fixed or width < 78


def test_80_columns_answer_who_and_how_much() -> None:
    names = [column.name for column in arrange(78).columns]
    assert names == ["source", "source_port", "arrow", "destination", "destination_port", "protocol", "bps", "pps"]


@pytest.mark.parametrize("width", [58, 78, 118, 198])
def test_scrolling_reaches_every_column_once_seen(width: int) -> None:
    seen: set[str] = set()
    for first in range(len(scrolled_order(width))):
        arrangement = arrange(width, first)
        seen |= {column.name for column in arrangement.columns}
        if not arrangement.more_right:
            break
    assert seen == {column.name for column in COLUMNS} - {"end", *(c.name for c in COLUMNS if c.optional)}, (
        "an end and names are asked for"
    )


def test_a_cell_is_never_wider_than_its_column(flows: tuple[Flow, ...]) -> None:
    largest = replace(
        flows[0], bps=1e15, pps=1e12, packets=2**63, bytes=2**63, payload_bytes=2**63, vlan=4095, rtt_us=2**31,
        source_port=65535, destination_port=65535, tcp_state="established", end_reason="cache_full",
        first_seen=0, forward=replace(flows[0].forward, ttl_min=255, dscp=63, packets=1),
        reverse=replace(flows[0].reverse, ttl_min=255, dscp=63, packets=1),
    )  # fmt: skip
    scene = Scene(taken_at=flows[0].last_seen, total_bps=1e9, trend=(1.0, 2.0))
    for flow in (*flows, largest):
        for column in COLUMNS:
            text, _ = column.cell(flow, scene, column.width)
            assert len(text) <= column.width, (column.name, text)


def test_a_zero_that_nobody_counted_is_none(flows: tuple[Flow, ...]) -> None:
    """Counting in the kernel compares no sequence numbers, and sees a SYN that comes again."""
    tcp = replace(flows[0], protocol=6, forward=Direction(packets=9), reverse=Direction(packets=9))
    again = replace(tcp, forward=replace(tcp.forward, retransmissions=2))
    for capture, nothing in [("af_xdp", "0"), ("ebpf", "-"), ("ebpf,af_packet", "0")]:
        scene = Scene(follows_tcp=SourceInfo("interface", "eth1", capture).follows_tcp)
        assert retransmissions(tcp, scene, 6)[0].strip() == nothing, capture
        assert retransmissions(again, scene, 6)[0].strip() == "2"


def test_names_from_outside_cannot_command_the_terminal(flows: tuple[Flow, ...]) -> None:
    hostile = replace(flows[0], source="\x1b[2J1", protocol_name="\n宽", tunnel=Tunnel("\x07"))
    for column in COLUMNS:
        text, _ = column.cell(hostile, Scene(), column.width)
        assert text.isprintable()


def test_addresses_sort_as_numbers(flows: tuple[Flow, ...]) -> None:
    few = [replace(flows[0], source=source) for source in ("10.0.0.10", "2001:db8::1", "9.0.0.1", "10.0.0.9")]
    assert [flow.source for flow in ordered(few, "source", False)] == [
        "9.0.0.1",
        "10.0.0.9",
        "10.0.0.10",
        "2001:db8::1",
    ]


def test_equals_keep_their_places(flows: tuple[Flow, ...]) -> None:
    same = [replace(flow, bps=1.0) for flow in flows[:20]]
    for descending in (True, False):
        assert [flow.key for flow in ordered(same, "bps", descending)] == [flow.key for flow in same]


def test_unknown_sort_key() -> None:
    with pytest.raises(KeyError):
        by_sort("luck")
