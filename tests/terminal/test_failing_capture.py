# SPDX-License-Identifier: BSD-2-Clause
"""What a screen says of a capture that stops, goes on, dies; and what it leaves behind when it is hung up on."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_attach import capture_with
from tests.terminal.test_tmux import XTOP, wait_for_flows
from tests.terminal.tmux_terminal import TmuxTerminal


def begin(terminal: TmuxTerminal, seed: int) -> str:
    terminal.run(f"{XTOP} demo --in-process --seed {seed}")
    wait_for_flows(terminal)
    terminal.wait_for("● live")
    return str(seed)


def parent_of(pid: int) -> int:
    """The screen that started a capture (proc(5))."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def test_a_capture_that_is_stopped_and_one_that_was_killed(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 24)
    (capture,) = capture_with(begin(terminal, 1_300_000_000 + os.getpid()))
    try:
        os.kill(capture, signal.SIGSTOP)
        terminal.wait_for("✖ stopped")
        terminal.wait_for(f"kill -CONT {capture}")
        os.kill(capture, signal.SIGCONT)
        terminal.wait_for("● live")
    finally:
        os.kill(capture, signal.SIGKILL)
    terminal.wait_for("✖ failed")
    terminal.press("q")
    assert terminal.wait_exit() == 1
    terminal.assert_sane()
    assert "xtop: error: capture ended: xtop-capture was killed by signal 9" in terminal.text()


def test_a_capture_that_is_stopped_ends_with_the_screen(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 24)
    (capture,) = capture_with(begin(terminal, 1_500_000_000 + os.getpid()))
    try:
        os.kill(capture, signal.SIGSTOP)
        terminal.wait_for("✖ stopped")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert not Path(f"/proc/{capture}").exists()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(capture, signal.SIGKILL)


def test_a_hangup_gives_the_terminal_back(open_terminal: OpenTerminal) -> None:
    """One that is sent: its terminal is still there."""
    terminal = open_terminal(80, 24)
    (capture,) = capture_with(begin(terminal, 1_400_000_000 + os.getpid()))
    os.kill(parent_of(capture), signal.SIGHUP)
    assert terminal.wait_exit() == 128 + signal.SIGHUP
    terminal.assert_sane()
