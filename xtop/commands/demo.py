# SPDX-License-Identifier: BSD-2-Clause
"""``xtop demo``: the screen over traffic of xtop's own making.

With the rights for it the traffic crosses a private veth pair and is captured through AF_XDP, as any other; without
them the same generator feeds the same flow table inside xtop-capture, and a note on the screen says why.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace

from xtop.commands.opening import start_capture, switching
from xtop.commands.screen import require_terminal, screen_settings, show
from xtop.noted_source import NotedSource
from xtop.options import capture_settings
from xtop.settings import CaptureSettings, LinkSettings
from xtop.source import SnapshotSource, SourceError
from xtop.switchable_source import SwitchableSource


def run(options: argparse.Namespace) -> int:
    """Show the screen until the user leaves it."""
    require_terminal()
    screen = screen_settings(options.profile)
    settings = capture_settings(options)
    with ExitStack() as stack, ExitStack() as first:  # what to begin with at the end
        source = SwitchableSource(_open(settings, bool(options.in_process), stack, first))
        stack.callback(source.close)
        failure = show(source, options.interval, switching(source, options), settings=screen)
    if failure is not None:
        raise failure
    return 0


def _open(settings: CaptureSettings, in_process: bool, stack: ExitStack, first: ExitStack) -> SnapshotSource:
    if in_process:
        return _in_process(settings, stack)
    try:
        return _live(settings, stack, first)
    except (SourceError, OSError) as error:
        stack.close()
        return NotedSource(_in_process(settings, stack), f"no live link: {error}")


def _live(settings: CaptureSettings, stack: ExitStack, first: ExitStack) -> SnapshotSource:
    from xtop.live_demo import LiveDemo

    link = stack.enter_context(LiveDemo())
    source = start_capture(replace(settings, links=(LinkSettings(link.interface),), netns_fd=link.netns_fd, seed=None))
    stack.callback(source.close)
    link.start_traffic(seed=settings.seed)
    first.callback(link.tell_traffic_to_end)
    return source


def _in_process(settings: CaptureSettings, stack: ExitStack) -> SnapshotSource:
    generated = CaptureSettings(
        demo=True,
        seed=settings.seed,
        max_flows=settings.max_flows,
        idle_timeout=settings.idle_timeout,
        active_timeout=settings.active_timeout,
    )
    source = start_capture(generated)
    stack.callback(source.close)
    return source
