# SPDX-License-Identifier: BSD-2-Clause
"""The screen on a real terminal says that zero copy is on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from .links import PATIENCE_S, Fault, Nic, Sender

ROWS, COLUMNS = 36, 120
ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][0-9A-B]|[=>])")


def check_screen(captured: Nic, sender: Sender) -> str:
    """Start xtop as a user does, and read what it draws."""
    captured.most_queues(1)
    program = os.path.join(sys.prefix, "bin", "xtop")
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(
            program, [program, "-i", captured.name, "--capture", "af_xdp", "--max-flows", "16384", "--ring", "2048"]
        )
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    drawn = b""
    deadline = time.monotonic() + 2 * PATIENCE_S  # it loads Textual
    try:
        while not (found := re.search(rb"native[^\n]{0,40}zero copy", ESCAPES.sub(b"", drawn))):
            if time.monotonic() > deadline:
                raise Fault(f"the screen shows no zero copy: {ESCAPES.sub(b'', drawn)[-800:]!r}")
            drawn += _read(terminal)
    finally:
        _end(pid, terminal)
    return f"the screen says {found[0].decode(errors='replace')!r}"


def _read(terminal: int) -> bytes:
    """What was drawn within a second; nothing, too, when nobody draws any more."""
    if not select.select([terminal], [], [], 1.0)[0]:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        time.sleep(0.1)
        return b""


def _end(pid: int, terminal: int) -> None:
    """Ask it to end, and read on meanwhile: with nobody to read what it draws last it would wait for ever."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
            raise Fault("the screen did not end when asked to")
        _read(terminal)
    os.close(terminal)
