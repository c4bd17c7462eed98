# SPDX-License-Identifier: BSD-2-Clause
"""Runs the screen on a pseudo-terminal and counts what it sends: `python -m tests.screen.bytes_sent [theme]`."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
from time import monotonic

FIGURES = b"Mbit/s"  # in the first frame that shows flows
PATIENCE, SETTLE, SECONDS = 40.0, 2.0, 5.0


def child(theme: str | None) -> None:
    """Show a steady link at one snapshot a second."""
    from tests.screen.scripted_source import Script, ScriptedSource
    from xtop.app import XtopApp

    XtopApp(ScriptedSource(Script(steady=True)), 1.0, theme=theme).run()


def read_until(terminal: int, end: float, awaited: bytes | None = None) -> bytes:
    """Return what comes until then (seconds of `monotonic`), or until ``awaited`` has come."""
    sent = b""
    while (left := end - monotonic()) > 0 and not (awaited and awaited in sent):
        if select.select([terminal], [], [], left)[0]:
            sent += os.read(terminal, 65536)
    return sent


def bytes_per_second(
    theme: str | None = None, columns: int = 120, lines: int = 36, seconds: float = SECONDS
) -> tuple[float, bytes]:
    """Return the rate once the first flows have stood for a while, and everything that was sent."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        child(theme)
        os._exit(0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    sent = read_until(terminal, monotonic() + PATIENCE, FIGURES)
    assert FIGURES in sent, f"no flow was shown within {PATIENCE} s"
    sent += read_until(terminal, monotonic() + SETTLE)
    steady = read_until(terminal, monotonic() + seconds)
    os.write(terminal, b"q")
    quit_at = monotonic()
    while True:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    os.waitpid(pid, 0)
    print(f"quit took {monotonic() - quit_at:.2f} s", file=sys.stderr)
    return len(steady) / seconds, sent + steady


if __name__ == "__main__":
    for chosen in sys.argv[1:] or [None]:
        print(chosen, round(bytes_per_second(chosen)[0]), "bytes/s")
