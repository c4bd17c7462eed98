# SPDX-License-Identifier: BSD-2-Clause
"""The terminal, by way of standard output.

Textual draws on standard error. Whoever writes ``xtop demo 2>errors`` wants the errors in the file and the screen on
the terminal; that standard output is a terminal is checked before the screen opens.
"""

from __future__ import annotations

import sys
from typing import Any

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Textual's own driver with another place to write to."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if sys.__stdout__ is not None and sys.__stdout__.isatty():
            # A stream of our own: in a Latin-1 locale Python's would refuse every line of a frame.
            self._file = open(  # noqa: SIM115 - as long as the process
                sys.__stdout__.fileno(), "w", encoding="utf-8", errors="replace", closefd=False
            )
