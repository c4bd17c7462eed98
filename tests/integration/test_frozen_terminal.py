# SPDX-License-Identifier: BSD-2-Clause
"""A terminal that takes nothing more (its reader is stopped, as by a dead SSH line) costs the capture nothing."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Link, wait_until

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
XTOP = Path(sys.executable).parent / "xtop"
FRAMES, RATE = 150_000, 30_000  # a ring lasts two seconds: what is lost then, the terminal costs
PATIENCE_S = 40.0
PASS_ON = "import os\nwhile data := os.read(0, 65536): os.write(1, data)"


class Terminal:
    """A pseudo-terminal whose reader is a process of its own, which can be stopped."""

    def __init__(self, columns: int = 120, rows: int = 36) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.reader = subprocess.Popen([sys.executable, "-c", PASS_ON], stdin=self.ours, stdout=subprocess.PIPE)
        assert self.reader.stdout is not None
        self.output = self.reader.stdout.fileno()
        self.seen = b""

    def shows(self, text: bytes) -> bool:
        """Whether ``text`` has come by now."""
        while select.select([self.output], [], [], 0.05)[0]:
            data = os.read(self.output, 65536)
            if not data:
                break
            self.seen += data
        return text in self.seen

    def full(self) -> bool:
        """Whether it takes no more."""
        return not select.select([], [self.theirs], [], 0)[1]

    def close(self) -> None:
        self.reader.send_signal(signal.SIGCONT)
        self.reader.kill()
        self.reader.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


def restless(terminal: Terminal) -> None:
    """Press a key that redraws the whole screen, so that the terminal is full soon."""
    os.write(terminal.ours, b"t")


def test_a_stopped_reader_of_the_terminal_loses_no_packet(
    make_link: MakeLink, terminal: Terminal, tmp_path: Path
) -> None:
    link, last = make_link(gro=True), tmp_path / "last.json"
    command = [str(XTOP), "-i", link.captured, "--capture", "af_xdp", "--ring", "65536", "-n", "0.1", "-o", str(last)]
    environment = os.environ | {"TERM": "xterm-256color", "XDG_CONFIG_HOME": str(tmp_path)}
    xtop = subprocess.Popen(
        link.command(*command), stdin=terminal.theirs, stdout=terminal.theirs, stderr=subprocess.PIPE, env=environment
    )
    try:
        assert wait_until(lambda: terminal.shows(b"Waiting for the first packet"), PATIENCE_S), terminal.seen[-2000:]
        terminal.reader.send_signal(signal.SIGSTOP)

        def frozen() -> bool:
            restless(terminal)
            time.sleep(0.1)
            return terminal.full()

        assert wait_until(frozen, PATIENCE_S), "the terminal still takes what the screen sends"
        sent = link.send(FRAMES, "--flows", "1000", "--rate", str(RATE))
        assert terminal.full()
        terminal.reader.send_signal(signal.SIGCONT)
        terminal.seen = b""
        assert wait_until(lambda: terminal.shows(b"live"), PATIENCE_S), "the screen goes on"
        os.write(terminal.ours, b"q")
        assert wait_until(lambda: terminal.shows(b"") and xtop.poll() is not None, PATIENCE_S)
    finally:
        xtop.kill()
        _, errors = xtop.communicate()
    assert (xtop.returncode, errors) == (0, b"")
    assert sent["sent"] == FRAMES
    snapshot = json.loads(last.read_text(encoding="utf-8"))
    assert snapshot["lost"]["total"] == 0
    assert snapshot["totals"]["packets"] == FRAMES
    assert snapshot["accounting"]["accounted"] == FRAMES
