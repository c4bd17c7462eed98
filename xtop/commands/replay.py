# SPDX-License-Identifier: BSD-2-Clause
"""``xtop replay``: the screen over what ``xtop record --store`` kept."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from time import monotonic

from xtop.commands.screen import require_terminal, screen_settings, show
from xtop.store.files import open_store
from xtop.store.playback import StoredPlayback
from xtop.store.source import StoredSource
from xtop.store.timeline import StoredTimeline
from xtop.units import NANOSECONDS


def run(options: argparse.Namespace) -> int:
    """Show the screen until the user leaves it."""
    entries, damage = open_store(Path(options.path))
    require_terminal()
    screen = screen_settings(options.profile)
    timeline = StoredTimeline(entries)
    begin = None if options.at is None else int(options.at.timestamp()) * NANOSECONDS
    source = StoredSource(timeline, _span(entries[0].header.taken_at, timeline.last, damage))
    show(source, settings=screen, playback=StoredPlayback(monotonic, timeline, begin))
    return 0


def _span(first: int, last: int, damage: str) -> str:
    """Return what the store covers, and where it does not."""
    begin, end = (datetime.fromtimestamp(moment // NANOSECONDS) for moment in (first, last))
    until = f"{end:%H:%M:%S}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    text = f"recorded from {begin:%Y-%m-%d %H:%M:%S} to {until}"
    return f"{text}; damaged: {damage}" if damage else text
