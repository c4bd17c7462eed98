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


NOTHING = re.compile(r"nothing was written|this flow has ended")
OUTCOME = re.compile(rf"[1-9][\d,]* packets of the flow written|{NOTHING.pattern}")


def copied(viewer: TmuxTerminal) -> list[Path]:
    """The files of packets, each there when it is whole."""
    return [*viewer.directory.glob("*.pcapng")]


def copy_a_flow(viewer: TmuxTerminal) -> Path:
    """Have packets of a flow written, of the next where it ended before one came. A flow's end stops it as well."""
    for _ in range(5):
        viewer.press("Down", "w")
        viewer.wait_until(lambda: bool(copied(viewer) or OUTCOME.search(viewer.text())), "what became of the packets")
        if copied(viewer) or NOTHING.search(viewer.text()) is None:
            break
        viewer.wait_until(lambda: NOTHING.search(viewer.text()) is None, "the line without the notice")
    if not copied(viewer):
        viewer.press("w")
    viewer.wait_until(lambda: bool(copied(viewer)), "the file")
    return copied(viewer)[0]


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
    packets = copy_a_flow(viewer)  # of the owner's capture, into a file of the viewer's
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
