# SPDX-License-Identifier: BSD-2-Clause
"""A screen ends: with its terminal, also where nobody heard the hangup, and by a signal at any moment."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.terminal.test_attach import capture_with
from tests.terminal.test_tmux import XTOP

PATIENCE_S = 60.0

#: xtop, told to go while its picture is drawn for the so many'th time: then the framework leaves its keyboard's thread.
AT_A_PICTURE = """
import os, signal, sys
from textual.screen import Screen
from xtop.cli import main
draw, left = Screen._on_timer_update, int(sys.argv[1])
def and_go(screen):
    global left
    draw(screen)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGTERM)
Screen._on_timer_update = and_go
raise SystemExit(main(["demo", "--in-process"]))
"""


def start(arguments: list[str], controlled: bool) -> tuple[int, int]:
    """Run a program on a new terminal, with hangups ignored; it controls the program, or is only where that writes."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if controlled:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        for fd in range(3):
            os.dup2(slave, fd)
        os.closerange(3, slave + 2)
        os.execve(arguments[0], arguments, {**os.environ, "TERM": "xterm-256color"})
    os.close(slave)
    return pid, master


def read_until(master: int, text: bytes) -> None:
    """Read what the program writes until there is ``text``."""
    end, read = time.monotonic() + PATIENCE_S, b""
    while text not in read:
        assert time.monotonic() < end, read[-500:]
        if select.select([master], [], [], 1)[0]:
            read += os.read(master, 1 << 16)


def read_all(master: int) -> None:
    """Read what the program writes until it has ended."""
    with contextlib.suppress(OSError):
        while os.read(master, 1 << 16):
            pass


def wait_until_full(master: int) -> None:
    """Type until what the screen draws for it has no room any more: the number of bytes that wait stands still."""
    end, waiting, still = time.monotonic() + PATIENCE_S, -1, 0
    while still < 5:
        assert time.monotonic() < end, f"{waiting} bytes wait"
        os.write(master, b"t")  # another theme: all is drawn anew
        time.sleep(0.2)
        (now,) = struct.unpack("i", fcntl.ioctl(master, termios.FIONREAD, struct.pack("i", 0)))
        waiting, still = now, still + 1 if now == waiting and now else 0


def wait_for_end(pid: int) -> int:
    """Return how the process ended, as waitpid tells it."""
    end = time.monotonic() + PATIENCE_S
    while True:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return status
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            pytest.fail("the screen outlived its terminal")
        time.sleep(0.1)


@pytest.mark.parametrize("controlled", [True, False], ids=["ignored", "untold"])
def test_a_screen_ends_with_its_terminal(controlled: bool) -> None:
    seed = str(1_100_000_000 + os.getpid() * 2 + controlled)  # tells this capture from others on the machine
    pid, master = start([str(XTOP), "demo", "--in-process", "--seed", seed], controlled)
    try:
        read_until(master, b"live")
        (capture,) = capture_with(seed)
    finally:
        os.close(master)
    assert os.WTERMSIG(wait_for_end(pid)) == signal.SIGHUP
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{capture}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{capture}").exists()


@pytest.mark.parametrize("picture", [1, 2, 5])
def test_a_screen_that_is_told_to_go_goes(picture: int) -> None:
    pid, master = start([sys.executable, "-c", AT_A_PICTURE, str(picture)], controlled=True)
    with ThreadPoolExecutor() as reader:  # with nobody to read what it draws last it would wait
        reader.submit(read_all, master)
        assert os.waitstatus_to_exitcode(wait_for_end(pid)) == 128 + signal.SIGTERM
    os.close(master)


def test_a_second_signal_waits_for_no_terminal() -> None:
    seed = str(1_200_000_000 + os.getpid())
    pid, master = start([str(XTOP), "demo", "--in-process", "--seed", seed], controlled=True)
    read_until(master, b"live")
    (capture,) = capture_with(seed)
    wait_until_full(master)  # nobody reads any more
    end = time.monotonic() + PATIENCE_S
    while not (gone := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < end:
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.1)
    assert gone[0], "the screen waits for its terminal"
    assert os.waitstatus_to_exitcode(gone[1]) in (-signal.SIGTERM, 128 + signal.SIGTERM)
    while Path(f"/proc/{capture}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{capture}").exists()
    os.close(master)
