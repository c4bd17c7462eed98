# SPDX-License-Identifier: BSD-2-Clause
"""``xtop attach``: the screen over a capture that runs already; leaving it leaves the capture alone."""

from __future__ import annotations

import argparse
from contextlib import closing

from xtop.capture_viewer import CaptureViewer
from xtop.commands.screen import require_terminal, screen_settings, show
from xtop.machine_files import MachineFiles
from xtop.running_captures import choose_capture_to_attach, running_captures
from xtop.settings import CaptureSettings


def run(options: argparse.Namespace) -> int:
    """Show the screen until the user leaves it."""
    require_terminal()
    screen = screen_settings(options.profile, bool(options.uniflow))
    capture = choose_capture_to_attach(running_captures(MachineFiles()), options.name)
    from xtop.shm_source import ShmSource

    viewer = CaptureViewer.attach(capture, named=options.name is not None)
    with closing(ShmSource(viewer, CaptureSettings())) as source:
        own_link = source.capture_id().interface
        failure = show(source, options.interval, own_link=own_link, settings=screen)
    if failure is not None:
        raise failure
    return 0
