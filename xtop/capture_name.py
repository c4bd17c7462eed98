# SPDX-License-Identifier: BSD-2-Clause
"""The name that viewers find a capture by: it stands in its socket's address (see running_captures)."""

from __future__ import annotations

from xtop.settings import CaptureSettings

_NAMES_MOST = 80  # characters; with what is around it, it fits into sun_path


def capture_name(settings: CaptureSettings) -> str | None:
    """Return what viewers find a capture by; None for a file that is read at once, which nobody could look at."""
    if settings.demo or settings.netns_fd is not None:  # a link of the demo's own, in another namespace
        return "demo"
    if settings.links:
        return _names(settings)
    return "file" if settings.realtime else None


def _names(settings: CaptureSettings) -> str:
    """Return the interfaces' names, as many as an address has room for."""
    names = ",".join(link.interface for link in settings.links)
    return names if len(names) <= _NAMES_MOST else names[: _NAMES_MOST + 1].rpartition(",")[0]
