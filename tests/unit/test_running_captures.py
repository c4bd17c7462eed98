# SPDX-License-Identifier: BSD-2-Clause
"""Which captures run, out of a /proc/net/unix as the kernel writes it, and which of them is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.fake_machine import machine
from xtop.capture_name import capture_name
from xtop.running_captures import RunningCapture, choose_capture_to_attach, running_captures
from xtop.settings import CaptureSettings, LinkSettings
from xtop.source import SourceError

UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
ffff8f1a: 00000002 00000000 00010000 0001 01 21801 /run/dbus/system bus socket
ffff8f1b: 00000002 00000000 00010000 0005 01 21802 @xtop-capture/eth1/4711
ffff8f1c: 00000003 00000000 00000000 0005 03 21803 @xtop-capture/eth1/4711
ffff8f1d: 00000002 00000000 00010000 0005 01 21804 @xtop-capture/demo/99
ffff8f1e: 00000002 00000000 00010000 0005 01 21805 @xtop-capture/eth1/12
ffff8f1f: 00000002 00000000 00010000 0005 01 21806 @xtop-capture/eth1/no-number
ffff8f20: 00000002 00000000 00010000 0005 01 21807 @xtop-capture/7
ffff8f21: 00000003 00000000 00000000 0001 03 21808
"""
LONG = [f"interface-{n:02}-x" for n in range(16)]
ONE, TWO, DEMO = RunningCapture("eth1", 12), RunningCapture("eth1", 4711), RunningCapture("demo", 99)
BOTH = RunningCapture("eth1,eth2", 5)


def test_listening_sockets_of_captures_and_nothing_else(tmp_path: Path) -> None:
    assert running_captures(machine(tmp_path, {"proc/net/unix": UNIX})) == [DEMO, ONE, TWO]
    assert TWO.address == "\0xtop-capture/eth1/4711"


def test_no_list_no_captures(tmp_path: Path) -> None:
    assert running_captures(machine(tmp_path, {})) == []


@pytest.mark.parametrize(
    ("there", "wanted", "chosen"),
    [
        ([DEMO, BOTH], "eth2", BOTH),
        ([BOTH], "eth1,eth2", BOTH),
        ([DEMO], None, DEMO),
        ([DEMO, ONE], "eth1", ONE),
        ([ONE, TWO], "4711", TWO),
        ([DEMO, ONE, TWO], "demo", DEMO),
    ],
)
def test_the_one_that_is_meant(there: list[RunningCapture], wanted: str | None, chosen: RunningCapture) -> None:
    assert choose_capture_to_attach(there, wanted) is chosen


@pytest.mark.parametrize(
    ("there", "wanted", "words"),
    [
        ([], "eth1", "no capture is running here .start one: xtop -i IF"),
        ([DEMO, ONE], None, "several captures are running .name one of demo .process 99., eth1 .process 12."),
        ([DEMO], "eth1", "no capture of eth1 is running .there is demo .process 99."),
        ([ONE, TWO], "eth1", "choose one: xtop attach 12 or xtop attach 4711"),
    ],
)
def test_where_none_is_meant_clearly(there: list[RunningCapture], wanted: str | None, words: str) -> None:
    with pytest.raises(SourceError, match=words) as refusal:
        choose_capture_to_attach(there, wanted)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (CaptureSettings(links=(LinkSettings("eth1"),)), "eth1"),
        (CaptureSettings(links=(LinkSettings("eth1"), LinkSettings("eth2"))), "eth1,eth2"),
        # An address of a socket has room for 107 characters: names that it has none for are left out, whole.
        (CaptureSettings(links=tuple(map(LinkSettings, LONG))), ",".join(LONG[:5])),
        (
            CaptureSettings(links=(LinkSettings("v1"),), netns_fd=5),
            "demo",
        ),  # its link lies in a namespace that nobody else sees
        (CaptureSettings(demo=True), "demo"),
        (CaptureSettings(file="x.pcap", realtime=True), "file"),
        (CaptureSettings(file="x.pcap"), None),
    ],
)
def test_what_a_capture_is_found_by(settings: CaptureSettings, name: str | None) -> None:
    assert capture_name(settings) == name
