# SPDX-License-Identifier: BSD-2-Clause
"""Two terminals on one capture: the viewer's screen comes and goes, the owner's goes on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_tmux import XTOP, wait_for_flows
from tests.terminal.tmux_terminal import TmuxTerminal
from xtop.machine_files import MachineFiles
from xtop.running_captures import running_captures


def capture_with(argument: str) -> list[int]:
    """Processes of captures that were given ``argument``."""
    found = []
    for capture in running_captures(MachineFiles()):
        words = Path(f"/proc/{capture.pid}/cmdline")
        if words.exists() and argument.encode() in words.read_bytes().split(b"\0"):
            found.append(capture.pid)
    return found


def ended(terminal: TmuxTerminal) -> int:
    """The exit code of its command; what said so makes room for the next command's, of either terminal."""
    code = terminal.wait_exit()
    (terminal.directory / "after").unlink()
    return code


def file_is_told_of(viewer: TmuxTerminal, ends: list[str]) -> bool:
    """End the copying once there are packets, unless the flow's own end did: which comes first is up to the flow."""
    text = viewer.text()
    if not ends and (written := re.search(r"[1-9][\d,]* packets of the flow written", text)):
        ends.append(written[0])
        viewer.press("w")
    return ".pcapng" in text


def test_a_viewer_leaves_and_the_capture_goes_on(open_terminal: OpenTerminal) -> None:
    seed = str(1_000_000_000 + os.getpid())  # tells this capture from others on the machine
    owner, viewer = open_terminal(80, 24), open_terminal(120, 36)
    owner.run(f"{XTOP} demo --in-process --seed {seed}")
    wait_for_flows(owner)
    (pid,) = capture_with(seed)
    viewer.run(f"{XTOP} attach {pid}")
    wait_for_flows(viewer)
    viewer.press("q")
    viewer.wait_exit()
    viewer.assert_sane()
    assert ended(viewer) == 0
    assert capture_with(seed) == [pid]
    viewer.run(f"{XTOP} attach {pid}")
    wait_for_flows(viewer)
    viewer.press("Down", "w")  # the owner's capture, a file of the viewer's
    ends: list[str] = []
    viewer.wait_until(lambda: file_is_told_of(viewer, ends), "the file")
    packets = min(viewer.directory.glob("*.pcapng"))
    read = subprocess.run(["tcpdump", "-nr", packets], capture_output=True, text=True, check=True)
    assert " > " in read.stdout
    owner.press("q")
    assert ended(owner) == 0
    viewer.wait_for("ended")  # with the last figures on the screen
    wait_for_flows(viewer)
    viewer.press("q")
    assert ended(viewer) == 0
    assert capture_with(seed) == []
    viewer.run(f"{XTOP} attach {pid}")
    assert ended(viewer) == 2
    assert "xtop: error: no capture" in " ".join(viewer.text().split())
