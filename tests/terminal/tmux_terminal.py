# SPDX-License-Identifier: BSD-2-Clause
"""A real terminal that a test can type into and read: a tmux server of its own, on a socket that no other has."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 40.0  # seconds until a condition that does not come is a failure; nothing waits longer than it must
POLL = 0.05

_numbers = itertools.count()


class TmuxTerminal:
    """One pane with a shell in it."""

    def __init__(self, columns: int, rows: int, directory: Path) -> None:
        self._socket = f"xtop-test-{os.getpid()}-{next(_numbers)}"
        self.directory = directory
        shell = f"cd {directory} && PS1='$ ' exec sh"
        environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE", "ENV")}
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), shell),
            environment=environment | {"LC_ALL": "C.UTF-8"},
        )
        self.wait_until(lambda: any(line.startswith("$") for line in self.lines()), "a shell prompt")

    def _tmux(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        command = ["tmux", "-u", "-L", self._socket, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout

    def close(self) -> None:
        """End the server and whatever runs in it."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False, timeout=60)

    def lines(self) -> list[str]:
        """Return what stands on the screen."""
        return self._tmux("capture-pane", "-p").splitlines()

    def text(self) -> str:
        """Return the screen as one string."""
        return "\n".join(self.lines())

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names (``Enter``, ``Escape``, ``C-u``)."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type characters as they stand."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window's corner."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def ask(self, variable: str) -> str:
        """Return one of tmux's format variables for the pane, like ``alternate_on``."""
        return self._tmux("display-message", "-p", f"#{{{variable}}}").strip()

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; fail with the screen's picture when it does not come."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {PATIENCE:.0f} s for {what}; the screen was:\n{self.text()}")
            time.sleep(POLL)

    def wait_for(self, text: str) -> None:
        """Wait until ``text`` stands on the screen."""
        self.wait_until(lambda: text in self.text(), repr(text))

    def wait_without(self, text: str) -> None:
        """Wait until ``text`` no longer stands on the screen."""
        self.wait_until(lambda: text not in self.text(), f"{text!r} to go")

    def run(self, command: str) -> None:
        """Give the shell a command whose end ``wait_exit`` can see. Terminal settings are kept before and after."""
        self.type(f"stty -g > before; {command}; echo exit=$? > code; stty -g > after")
        self.press("Enter")

    def wait_exit(self) -> int:
        """Wait for the command's end and return its exit code."""
        after = self.directory / "after"
        self.wait_until(lambda: after.exists() and after.read_text().endswith("\n"), "the command to end")
        return int((self.directory / "code").read_text().removeprefix("exit="))

    def assert_sane(self) -> None:
        """Nothing of a full-screen program may be left behind."""
        assert (self.directory / "before").read_text() == (self.directory / "after").read_text()
        assert self.ask("alternate_on") == "0"
        assert self.ask("cursor_flag") == "1"
        assert self.ask("mouse_any_flag") == "0"
