# SPDX-License-Identifier: BSD-2-Clause
"""``xtop -i IF`` and ``xtop -r FILE``: the screen over an interface or a file."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from xtop.commands.last_snapshot import LastSnapshot
from xtop.commands.opening import asked_anonymizer, requested_capture, start_capture, start_exporting, switching
from xtop.commands.screen import require_terminal, screen_settings, show, take_keyboard
from xtop.ipfix.settings import ExportSettings
from xtop.options import export_settings
from xtop.settings import STANDARD_INPUT, CaptureSettings
from xtop.source import SnapshotSource, SourceError
from xtop.switchable_source import SwitchableSource

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer  # imports what only this needs

PATIENCE_S = 3.0  # who leaves the screen waits no longer for a collector that takes nothing any more


def run(options: argparse.Namespace) -> int:
    """Show the screen; when it is left, write the last snapshot if ``-o`` asks for it."""
    last = LastSnapshot(options)
    settings = requested_capture(options)
    exports = export_settings(options)
    if any(collector.on_standard_output for collector in exports.collectors):
        raise SourceError("cannot export to standard output (the screen is drawn on it; give --ipfix file:PATH)", 2)
    anonymizer = asked_anonymizer(options)
    require_terminal()
    screen = screen_settings(options.profile, bool(options.uniflow))
    with closing(SwitchableSource(_started(settings, exports, anonymizer))) as source:
        if settings.file == STANDARD_INPUT:
            take_keyboard()
        own_link = bool(settings.links)
        failure = show(
            source,
            options.interval,
            switching(source, options, lambda asked: _another(asked, exports, anonymizer)),
            own_link=own_link,
            settings=screen,
            anonymizer=anonymizer,
        )
        last.take(source)
    last.write(anonymizer)
    if failure is not None:
        raise failure
    if exports.collectors:
        source.check()
    return 0


def _started(settings: CaptureSettings, exports: ExportSettings, anonymizer: Anonymizer | None) -> SnapshotSource:
    if not exports.collectors:
        return start_capture(settings)
    return start_exporting(replace(settings, lossless_ended=settings.file is not None), exports, PATIENCE_S, anonymizer)


def _another(settings: CaptureSettings, exports: ExportSettings, anonymizer: Anonymizer | None) -> SnapshotSource:
    """Start on another interface; collectors hear of a new domain, but a file is about one."""
    if any(collector.scheme == "file" for collector in exports.collectors):
        raise SourceError(
            "cannot watch another interface (the file of --ipfix is about this one; start another xtop)", 2
        )
    return _started(settings, exports, anonymizer)
