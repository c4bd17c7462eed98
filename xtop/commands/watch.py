# SPDX-License-Identifier: BSD-2-Clause
"""``xtop -i IF`` and ``xtop -r FILE``: the screen over an interface or a file."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from xtop.commands.opening import requested_capture, start_capture, switching
from xtop.commands.screen import require_terminal, screen_settings, show, take_keyboard
from xtop.export import check_output, format_of, write_snapshot
from xtop.model import View
from xtop.settings import STANDARD_INPUT
from xtop.switchable_source import SwitchableSource


def run(options: argparse.Namespace) -> int:
    """Show the screen; when it is left, write the last snapshot if ``-o`` asks for it."""
    output = None if options.output is None else Path(options.output)
    check_output(output, bool(options.overwrite))
    settings = requested_capture(options)
    require_terminal()
    screen = screen_settings(options.profile)
    with closing(SwitchableSource(start_capture(settings))) as source:
        if settings.file == STANDARD_INPUT:
            take_keyboard()
        own_link = settings.interface is not None
        show(source, options.interval, switching(source, options), own_link=own_link, settings=screen)
        last = source.snapshot(View(ended=True)) if output is not None else None
    if output is not None and last is not None:
        write_snapshot(last, output, options.format or format_of(output), bool(options.overwrite))
    return 0
