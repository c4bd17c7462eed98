# SPDX-License-Identifier: BSD-2-Clause
"""From parsed options to a running source: what every capturing command does first."""

from __future__ import annotations

import argparse

from xtop.options import capture_settings
from xtop.settings import CaptureSettings
from xtop.source import SnapshotSource, SourceError


def requested_capture(options: argparse.Namespace) -> CaptureSettings:
    """Return the settings of ``options``; raise SourceError where they ask for nothing, or for what must not be."""
    settings = capture_settings(options)
    if settings.interface is None and settings.file is None and not settings.demo:
        raise SourceError(
            "nothing to watch (name an interface with -i or a file with -r; `xtop demo` needs neither)", 2
        )
    if settings.interface is not None:
        _check_interface(options.interface, options.force)
    if settings.realtime and settings.file is None:
        raise SourceError("--realtime is for files (give one with -r)", 2)
    return settings


def start_capture(settings: CaptureSettings) -> SnapshotSource:
    """Start xtop-capture and return the source that looks at what it sees."""
    from xtop.shm_source import ShmSource

    return ShmSource.start(settings)


def _check_interface(names: list[str], force: bool) -> None:
    if len(names) > 1:
        raise SourceError(
            f"cannot watch {' and '.join(names)} (this version watches one interface; start one xtop each)", 2
        )
    if force:
        return
    from xtop.interfaces import in_use

    reason = in_use(names[0])
    if reason is not None:
        raise SourceError(
            f"refusing to capture on {names[0]} ({reason}, and AF_XDP takes packets from the host;"
            " give --force if that may be)",
            2,
        )
