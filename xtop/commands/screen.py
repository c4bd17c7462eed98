# SPDX-License-Identifier: BSD-2-Clause
"""Opens the screen over a source. Textual is imported here and no earlier: no other command has to wait for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from xtop.source import SnapshotSource, SourceError


def require_terminal() -> None:
    """Raise SourceError where there is no terminal to draw on, before anything is captured."""
    if not sys.stdout.isatty():
        raise SourceError("the screen needs a terminal (standard output is none; `xtop snapshot` needs none)", 2)


def take_keyboard() -> None:
    """Make the terminal standard input, which a capture file came through; that is open elsewhere by now."""
    try:
        keyboard = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        raise SourceError(f"the screen needs a keyboard (/dev/tty: {error.strerror}; give a file by name)", 2) from None
    os.dup2(keyboard, 0)
    os.close(keyboard)


def show(
    source: SnapshotSource, interval: float, switch: Callable[[str], None] | None = None, *, own_link: bool = False
) -> None:
    """Run the screen over ``source`` until the user leaves it; of this host's ``own_link`` it names processes, too.

    ``switch`` makes ``source`` watch the interface of that name; it may take seconds, and raises SourceError.
    """
    from xtop.app import XtopApp
    from xtop.column_choice import ColumnMemory, config_directory
    from xtop.filter_history import FilterHistory, state_directory
    from xtop.naming import SystemNaming

    columns = ColumnMemory(config_directory() / "columns.json")
    filters = FilterHistory(state_directory() / "filters")
    processes = None
    if own_link:
        from xtop.local_processes import LocalProcesses

        processes = LocalProcesses()
    naming = SystemNaming(processes=processes)
    XtopApp(source, interval, columns=columns, naming=naming, filters=filters, switch=switch).run()
