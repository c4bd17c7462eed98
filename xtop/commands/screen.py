# SPDX-License-Identifier: BSD-2-Clause
"""Opens the screen over a source. Textual is imported here and no earlier: no other command has to wait for it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xtop.source import SnapshotSource, SourceError

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer
    from xtop.export_job import Progress, Write
    from xtop.flow_packets import Rewrite
    from xtop.model import Snapshot
    from xtop.playback import Playback
    from xtop.settings_file import Settings  # imports what only the screen needs

PLAIN_TERMINALS = {"", "dumb", "unknown"}  # would show each colour and each move as characters


def require_terminal() -> None:
    """Raise SourceError where there is no terminal to draw on, before anything is captured."""
    if not sys.stdout.isatty():
        raise SourceError("the screen needs a terminal (standard output is none; `xtop snapshot` needs none)", 2)
    term = os.environ.get("TERM", "")
    if term in PLAIN_TERMINALS:
        raise SourceError(
            f"the screen needs a terminal that places text (TERM is {term or 'not set'}; set it to what yours is,"
            " as TERM=xterm-256color, or use `xtop snapshot --format text`)",
            2,
        )


def take_keyboard() -> None:
    """Make the terminal standard input, which a capture file came through; that is open elsewhere by now."""
    try:
        keyboard = os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        raise SourceError(f"the screen needs a keyboard (/dev/tty: {error.strerror}; give a file by name)", 2) from None
    os.dup2(keyboard, 0)
    os.close(keyboard)


def screen_settings(profile: str | None, uniflow: bool = False) -> Settings:
    """Return what the user's settings say, and say on standard error where they cannot be followed.

    With ``uniflow`` the screen begins with a row for each direction. Raises SourceError where there is no such profile:
    before anything is captured.
    """
    from xtop.settings_file import read_settings

    settings = read_settings(profile)
    if settings.complaint:
        sys.stderr.write(f"xtop: {settings.path}: {settings.complaint}\n")
    return replace(settings, screen=replace(settings.screen, directions=True)) if uniflow else settings


def _leaving(anonymizer: Anonymizer | None) -> tuple[Write, Rewrite | None]:
    """Return how snapshots and packets are written."""
    from xtop.exporting import write_file

    if anonymizer is None:
        return write_file, None
    from xtop.anonymized import anonymized
    from xtop.anonymized_frame import anonymized_frame

    def write(snapshot: Snapshot, path: Path, format: str, overwrite: bool, progress: Progress) -> None:
        write_file(anonymized(snapshot, anonymizer), path, format, overwrite, progress)

    return write, partial(anonymized_frame, anonymizer)


def show(
    source: SnapshotSource,
    interval: float | None = None,
    switch: Callable[[str], None] | None = None,
    *,
    own_link: bool = False,
    settings: Settings | None = None,
    anonymizer: Anonymizer | None = None,
    playback: Playback | None = None,
) -> SourceError | None:
    """Run the screen over ``source`` until the user leaves it; of this host's ``own_link`` it names processes, too.

    Returns why the source had failed by then, for the caller to raise when all is put away.

    ``switch`` makes ``source`` watch the interface of that name; it may take seconds, and raises SourceError. An
    ``interval`` comes before that of ``settings``; without these, the user's are read. With ``anonymizer``, files bear
    its addresses. ``playback`` is where moments come from, if not from ``source`` one by one.
    """
    from xtop._native import lib
    from xtop.app import XtopApp
    from xtop.column_choice import ColumnMemory, config_directory
    from xtop.commands.hangup import end_with_the_terminal
    from xtop.commands.precedence import come_before_other_sessions
    from xtop.commands.termination import leaving_by_signal
    from xtop.filter_history import FilterHistory, state_directory
    from xtop.naming import SystemNaming

    lib.process_heap_give_back()
    settings = settings or screen_settings(None)
    columns = ColumnMemory(config_directory() / "columns.json", settings.screen.columns)
    filters = FilterHistory(state_directory() / "filters")
    processes = None
    if own_link:
        from xtop.local_processes import LocalProcesses

        processes = LocalProcesses()
    naming = SystemNaming(processes=processes)
    write, rewrite = _leaving(anonymizer)
    app = XtopApp(
        source,
        interval,
        write,
        columns=columns,
        naming=naming,
        filters=filters,
        rewrite=rewrite,
        switch=switch,
        settings=settings,
        playback=playback,
    )
    end_with_the_terminal()
    come_before_other_sessions()
    gc.freeze()  # what was imported lives as long as the screen: no collection need go through it
    with leaving_by_signal(app.leave_soon):
        try:
            app.run()
        finally:
            app.let_terminal_go()
    return app.failure
