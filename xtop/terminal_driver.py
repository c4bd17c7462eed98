# SPDX-License-Identifier: BSD-2-Clause
"""The terminal, by way of standard output, and let go of at once.

Textual draws on standard error. Whoever writes ``xtop demo 2>errors`` wants the errors in the file and the screen on
the terminal; that standard output is a terminal is checked before the screen opens.

Textual's thread of the keyboard looks every tenth of a second whether it shall end, and once more for what was typed
meanwhile, so that `q` took a fifth of a second. Here it is woken.
"""

from __future__ import annotations

import os
import select
import sys
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import Any

from textual._xterm_parser import XTermParser  # what the framework's own drivers parse with; there is no public name
from textual.drivers.linux_driver import LinuxDriver

TICK_S = 0.1  # how long a lone Esc waits for what would make it part of a sequence
READ_SIZE = 4096


class TerminalDriver(LinuxDriver):
    """Textual's own driver with another place to write to, and a keyboard that can be left at any time."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        if sys.__stdout__ is not None and sys.__stdout__.isatty():
            # A stream of our own: in a Latin-1 locale Python's would refuse every line of a frame.
            self._file = open(  # noqa: SIM115 - as long as the process
                sys.__stdout__.fileno(), "w", encoding="utf-8", errors="replace", closefd=False
            )

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return what the terminal says: COLUMNS and LINES of the environment do not follow when it is resized."""
        try:
            size = os.get_terminal_size(self.fileno)
        except OSError:
            return super()._get_terminal_size()
        return size.columns, size.lines

    def disable_input(self) -> None:
        """Let the thread of the keyboard end now."""
        os.write(self._wake, b".")
        super().disable_input()
        with suppress(BlockingIOError):
            os.read(self._woken, READ_SIZE)

    def let_go(self) -> None:
        """Give the terminal back if the application could not: a signal that ends it may come where nobody sees to it.

        The thread of the keyboard would go on then, and the process wait for it.
        """
        if self._key_thread is not None and self._key_thread.is_alive():
            self.stop_application_mode()
            self.close()

    def run_input_thread(self) -> None:
        """Turn what the terminal sends into events until the application ends."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno, self._woken], [], [], TICK_S)
            if self.exit_event.is_set():
                return
            if self.fileno in ready:
                data = os.read(self.fileno, READ_SIZE)
                if not data:  # the terminal is gone
                    return
                for event in parser.feed(decode(data)):
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
