# SPDX-License-Identifier: BSD-2-Clause
"""What the header and the line below it say of a capture that counts nothing, though it runs."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.screen.scripted_source import ScriptedSource
from xtop.ink import plain as plain_text
from xtop.model import CaptureState, Link, Snapshot, SourceInfo, View
from xtop.picture import Picture, status
from xtop.widgets.header_line import HeaderLine
from xtop.widgets.state_banner import NOTED_S, banner
from xtop.widgets.tiny_notice import TinyNotice

DOWN = "eth1 has no carrier: nothing can arrive until the other end is there"


def snapshot(*troubles: str, notes: tuple[str, ...] = ()) -> Snapshot:
    links = tuple(Link(f"eth{at}", "af_xdp", trouble=trouble) for at, trouble in enumerate(troubles))
    plain = ScriptedSource().snapshot(View())
    return replace(plain, source=replace(plain.source, links=links, notes=(*filter(None, troubles), *notes)))


def line(picture: Picture, width: int = 80, tight: bool = False) -> str:
    return "".join(text for drawn in banner(picture, width, tight) for text, _ink in drawn)


def test_a_capture_that_is_stopped_is_not_live() -> None:
    reason = "xtop-capture is stopped and counts nothing (kill -CONT 7 resumes it)"
    stopped = Picture(snapshot=replace(snapshot(), state_text=reason))
    assert status(Picture(snapshot=snapshot())).word == "live"
    assert (status(stopped).word, status(stopped).reason, status(stopped).alarming) == ("stopped", reason, True)
    assert reason in line(stopped)


def test_a_link_that_nothing_can_come_from_is_not_live_and_its_reason_comes_first() -> None:
    remark = "zero copy refused by veth: Operation not supported (-95); using copy"
    picture = Picture(snapshot=snapshot(DOWN, notes=(remark,)))
    assert status(picture).word == "no link"
    assert DOWN in line(picture)


def test_of_two_links_one_still_is() -> None:
    remark = "zero copy refused by veth: Operation not supported (-95); using copy"
    picture = Picture(snapshot=snapshot("", DOWN, notes=(remark,)))
    assert status(picture).word == "live"
    assert line(picture).startswith(f" ※ {DOWN}"), "before what was noted at the start"
    assert line(picture, 200).count(DOWN) == 1
    later = replace(picture, noted_s=NOTED_S)
    assert line(later, tight=True) == f" ※ {DOWN}", "a note gives its line back, a trouble does not"


def test_the_header_counts_a_files_flows_at_its_end_and_living_ones_before() -> None:
    plain = snapshot()
    totals = replace(plain.totals, flows_live=2, flows_ended=51)
    file = replace(plain, source=SourceInfo("file", "a.pcap", "file"), totals=totals, state=CaptureState.DONE)
    for shown, flows in (
        (file, 53),
        (replace(file, state=CaptureState.FAILED), 53),
        (replace(file, state=CaptureState.RUNNING), 2),
        (replace(plain, totals=totals, state=CaptureState.DONE), 2),
    ):
        for panel in (HeaderLine(), TinyNotice()):
            text = "\n".join(plain_text(line) for line in panel.lines(Picture(snapshot=shown), 80, 24))
            assert re.search(rf"\b{flows} +flows\b", text), text
