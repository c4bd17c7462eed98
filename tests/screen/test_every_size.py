# SPDX-License-Identifier: BSD-2-Clause
"""No panel loses a character at any size: whatever a line cannot hold must be left out as a whole.

Lines that are too long are cut where they become strips. Here that cut is an error, except of rules and blanks and of a
text that says with `…` that it goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.screen.scripted_source import Script, ScriptedSource
from xtop import ink
from xtop.ink import Line, length, plain
from xtop.layout import PANELS, Layout, plan
from xtop.model import CaptureState, View
from xtop.picture import Look, Picture
from xtop.playback import Playback
from xtop.widgets.footer_line import FooterLine
from xtop.widgets.header_line import HeaderLine
from xtop.widgets.histogram_panel import HistogramPanel
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.loss_panel import LossPanel
from xtop.widgets.protocol_panel import ProtocolPanel
from xtop.widgets.queue_panel import QueuePanel
from xtop.widgets.state_banner import banner
from xtop.widgets.throughput import Throughput
from xtop.widgets.tiny_notice import TinyNotice

WIDTHS = range(40, 221)
HEIGHTS = (10, 15, 24, 26, 31, 36, 40, 46, 54, 60, 80)


@pytest.fixture(autouse=True)
def _no_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: Callable[[Line, int], Line] = ink.fitted

    def careful(line: Line, width: int) -> Line:
        whole, fit = plain(line), kept(line, width)
        lost = whole[max(0, width) :].strip(" ─╮")
        assert not lost or plain(fit).rstrip().endswith("…"), f"{lost!r} was cut off {whole!r} at {width}"
        return fit

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("xtop.") and getattr(module, "fitted", None) is kept:
            monkeypatch.setattr(module, "fitted", careful)


def panels() -> dict[str, LinePanel]:
    return {
        "throughput": Throughput(),
        "queues": QueuePanel(),
        "sizes": HistogramPanel("3 Packet size", "Size", lambda snapshot: snapshot.packet_size),
        "durations": HistogramPanel("4 Flow duration", "Duration", lambda snapshot: snapshot.flow_duration),
        "lengths": HistogramPanel("4 Packets/flow", "Packets", lambda snapshot: snapshot.flow_packets),
        "gaps": HistogramPanel("4 Inter-arrival", "Gaps", lambda snapshot: snapshot.flow_interarrival),
        "protocols": ProtocolPanel(),
        "loss": LossPanel(),
    }


def pictured(script: Script, steps: int = 30) -> Picture:
    source, playback = ScriptedSource(script), Playback(lambda: 0.0)
    for _ in range(steps):
        playback.take(source.snapshot(View(top=100)))
    frame = playback.shown
    assert frame is not None
    return Picture(frame.snapshot, curves=playback.curves(), loss_now=frame.loss_now, last_lost=frame.last_lost)


def worst(picture: Picture) -> Picture:
    """The widest figures there are: huge counters, CPUs of three digits, every cause of loss, an hour of pause."""
    snapshot = picture.snapshot
    assert snapshot is not None
    lost = replace(snapshot.lost, **dict.fromkeys(("rx_dropped", "rx_invalid_descs", "nic", "ring"), 999_400_000))
    accounting = replace(snapshot.accounting, table_full=888_000_000, malformed=777_000, received=9_990_000_000_000)
    queues = tuple(
        replace(
            queue, cpu=None if queue.cpu is None else queue.cpu + 100, busy=1.0, ring=999_400, queue=queue.queue + 180
        )
        for queue in snapshot.queues
    )
    totals = replace(snapshot.totals, bps=9.99e11, pps=9.99e8, flows_live=1_048_576, byte_histograms_full=999_400_000)
    last = dict.fromkeys(
        ("nic", "ring", "rx_dropped", "table_full", "byte_histograms_full"), snapshot.taken_at - 10**9 * 86399
    )
    return replace(
        picture,
        snapshot=replace(snapshot, lost=lost, accounting=accounting, queues=queues, totals=totals),
        last_lost={**picture.last_lost, **last},
        zeroed_at=snapshot.taken_at,
        paused_s=35999,
    )


PICTURES = {
    "calm": pictured(Script(flows=30)),
    "one queue, loss": pictured(Script(flows=30, queues=1, loss=True)),
    "16 queues": pictured(Script(flows=30, queues=16, loss=True)),
    "64 queues": pictured(Script(flows=30, queues=64, loss=True)),
    "worst, 4 queues": worst(pictured(Script(flows=30, loss=True))),
    "worst, 16 queues": worst(pictured(Script(flows=30, queues=16, loss=True))),
    "fault": pictured(Script(flows=30, breach=True)),
    "silent": pictured(Script(silent_until=99)),
    "file": pictured(Script(flows=30, kind="file", queues=1, done_at=3)),
    "nothing yet": Picture(),
}


def looks(picture: Picture) -> list[Picture]:
    other = Look(graph_packets=True, graph_minutes=True, braille=True, logarithmic=True)
    past = replace(picture, paused_s=None, behind_s=899)
    failed = replace(picture, failure="eth1 is gone (the kernel removed it; plug it in and start xtop again)")
    return [picture, replace(picture, look=other, in_bytes=True), past, failed]


@pytest.mark.parametrize("name", PICTURES)
def test_no_panel_loses_a_character_at_any_size(name: str) -> None:
    regions, seen = panels(), set()
    for picture in looks(PICTURES[name])[: 2 if name != "nothing yet" else 1]:
        for width in WIDTHS:
            for height in HEIGHTS:
                fitting = plan(width, height)
                for region, size in places(fitting, width).items():
                    if (region, size) in seen:
                        continue
                    seen.add((region, size))
                    lines = regions[region].lines(picture, *size)
                    assert all(length(line) <= size[0] for line in lines), (region, size)
        seen.clear()


def places(fitting: object, width: int) -> dict[str, tuple[int, int]]:
    """The size of each region, by the rules of the style sheet: what has no width of its own shares the rest."""
    from xtop.layout import Plan

    assert isinstance(fitting, Plan)
    if fitting.layout is Layout.TINY:
        return {}
    shapes = width - (fitting.loss_width if fitting.below_beside else 0)
    each = shapes // max(1, len(fitting.shown_shapes))
    half = width // 2 if fitting.above_beside else width
    return {
        "throughput": (half, fitting.throughput),
        "queues": (half, fitting.queues),
        "loss": (fitting.loss_width or width, fitting.loss),
        **dict.fromkeys(fitting.shown_shapes, (each, fitting.shapes)),
    }


@pytest.mark.parametrize("name", PICTURES)
def test_header_banner_and_sentence_hold_at_any_width(name: str) -> None:
    header, tiny = HeaderLine(), TinyNotice()
    for picture in looks(PICTURES[name]):
        for width in WIDTHS:
            if width >= 60:
                (line,) = header.lines(picture, width, 1)
                text = plain(line)
                assert length(line) <= width
                if picture.snapshot is not None:
                    assert "lost" in text
                    assert text.split()[0].startswith(picture.snapshot.source.name[:4])
            assert all(length(line) <= width for line in banner(picture, width))
        for width in range(12, 60):
            assert all(length(line) <= width for line in tiny.lines(picture, width, 9)), width


def test_the_plan_leaves_the_flows_their_room() -> None:
    names = [name for panel in PANELS for name in panel]
    for width in range(60, 221, 4):
        for height in range(15, 90):
            for hidden in (frozenset[str](), frozenset(names[:2]), frozenset(names[2:6]), frozenset(names)):
                fitting = plan(width, height, hidden)
                rows = height - 2 - fitting.above - fitting.below
                assert rows >= 8, (width, height, fitting)
                if len(hidden) == len(names):
                    assert rows == height - 2


def test_footer_places_end_before_the_edge() -> None:
    footer = FooterLine()
    for width in range(60, 221):
        (line,) = footer.lines(Picture(), width, 1)
        assert len(plain(line).rstrip()) <= width
        assert "q quit" in plain(line)


def test_the_states_are_those_of_the_model() -> None:
    snapshot = PICTURES["file"].snapshot
    assert snapshot is not None
    assert snapshot.state is CaptureState.DONE
