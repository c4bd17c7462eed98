# SPDX-License-Identifier: BSD-2-Clause
"""``xtop demo``: the screen over traffic of xtop's own making.

With the rights for it the traffic crosses a private veth pair and is captured through AF_XDP, as any other; without
them the same generator feeds the same flow table inside xtop-capture, and a note on the screen says why.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace

from xtop.commands.last_snapshot import LastSnapshot
from xtop.commands.opening import asked_anonymizer, chosen_for, start_capture, switching
from xtop.commands.screen import require_terminal, screen_settings, show
from xtop.noted_source import NotedSource
from xtop.options import capture_settings, link_options_given
from xtop.settings import CaptureSettings, LinkSettings
from xtop.source import SnapshotSource, SourceError
from xtop.switchable_source import SwitchableSource


def run(options: argparse.Namespace) -> int:
    """Show the screen until the user leaves it; then write the last snapshot if ``-o`` asks for it."""
    last = LastSnapshot(options)
    settings = capture_settings(options)
    asked = _asked_of_a_link(options)
    if asked is not None and options.in_process:
        raise SourceError(f"{asked} is for the demo's link (--in-process makes none; leave one out)", 2)
    anonymizer = asked_anonymizer(options)
    require_terminal()
    screen = screen_settings(options.profile, bool(options.uniflow))
    with ExitStack() as stack, ExitStack() as first:  # what to begin with at the end
        source = SwitchableSource(_open(settings, options, stack, first))
        stack.callback(source.close)
        failure = show(source, options.interval, switching(source, options), settings=screen, anonymizer=anonymizer)
        last.take(source)
    last.write(anonymizer)
    if failure is not None:
        raise failure
    return 0


def _asked_of_a_link(options: argparse.Namespace) -> str | None:
    """Return the first option that says how a link is to be captured: what was asked for nothing else may replace."""
    return next(iter(link_options_given(options)), None)


def _open(settings: CaptureSettings, options: argparse.Namespace, stack: ExitStack, first: ExitStack) -> SnapshotSource:
    if options.in_process:
        return _in_process(settings, stack)
    try:
        return _live(settings, options, stack, first)
    except (SourceError, OSError) as error:
        if _asked_of_a_link(options) is not None:
            raise
        stack.close()
        return NotedSource(_in_process(settings, stack), f"no live link: {error}")


def _live(settings: CaptureSettings, options: argparse.Namespace, stack: ExitStack, first: ExitStack) -> SnapshotSource:
    from xtop.live_demo import LiveDemo

    captured = _captured(LiveDemo.interface, options)  # it may be refused before there is a link
    link = stack.enter_context(LiveDemo())
    source = start_capture(replace(settings, links=(captured,), netns_fd=link.netns_fd, seed=None))
    stack.callback(source.close)
    link.start_traffic(seed=settings.seed)
    first.callback(link.tell_traffic_to_end)
    return source


def _captured(interface: str, options: argparse.Namespace) -> LinkSettings:
    """Return how the demo's link is captured: as ``options`` ask, else by AF_XDP alone."""
    from xtop.capture_choice import LinkFacts

    link = LinkSettings(interface)
    return link if _asked_of_a_link(options) is None else chosen_for(link, LinkFacts(interface), options)


def _in_process(settings: CaptureSettings, stack: ExitStack) -> SnapshotSource:
    source = start_capture(replace(settings, demo=True))
    stack.callback(source.close)
    return source
