# SPDX-License-Identifier: BSD-2-Clause
"""``xtop snapshot``: one snapshot, or a series of them, without a screen."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xtop.commands.opening import asked_anonymizer, checked_filter, requested_capture, start_capture
from xtop.export import check_output, check_parquet, format_of, open_output, write_snapshot, writer_of
from xtop.model import CaptureState, Snapshot, View
from xtop.settings import CaptureSettings
from xtop.source import SnapshotSource, SourceError

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer  # imports what only this needs

DEFAULT_DURATION_S = 1.0
KEEP_ENDED = 32768  # ended flows of a live capture, the last ones, where they are asked for
FILE_PATIENCE_S = (0.005, 0.1)  # between two looks at a file being read: the first, the longest
GLANCE = View(top=1)  # rates are over the time since the last one
Leaving = Callable[[Snapshot], Snapshot]
FINAL = (CaptureState.DONE, CaptureState.FAILED)


def run(options: argparse.Namespace) -> int:
    """Capture, then write what was seen."""
    output = None if options.output is None else Path(options.output)
    check_output(output, bool(options.overwrite))
    format = options.format or format_of(output)
    if format == "parquet" and options.every is None:
        check_parquet()
    settings = requested_capture(options)
    if settings.seed is not None and not settings.demo:
        raise SourceError("--seed is for --demo (leave one out)", 2)
    view = View(
        options.top,
        options.sort,
        options.sort not in {"source", "destination"},
        bool(options.ended),
        directions=bool(options.uniflow),
        filter=checked_filter(options.flow_filter),
    )
    leaving = _leaving(asked_anonymizer(options))
    interval = _interval(settings, options)
    if options.ended and settings.file is None:
        settings = replace(settings, keep_ended=KEEP_ENDED)
    if options.every is not None:
        return _series(settings, view, interval, options, output, leaving)
    if options.count is not None:
        raise SourceError("--count is for a series (give --every S, too)", 2)
    if settings.file is not None:
        # A file is shown whole: a flow that ended and came again is two entries.
        view = replace(view, ended=True)
        settings = replace(settings, lossless_ended=True, expected=view)
    with closing(start_capture(settings)) as source:
        snapshot = leaving(_one(source, _duration(settings, options), interval, view))
    write_snapshot(snapshot, output, format, bool(options.overwrite))
    return _verdict(snapshot)


def _duration(settings: CaptureSettings, options: argparse.Namespace) -> float:
    """Return how long one snapshot is waited for, s; a file's comes at the file's end."""
    if options.duration is not None:
        return float(options.duration)
    return DEFAULT_DURATION_S if settings.file is None else math.inf


def _interval(settings: CaptureSettings, options: argparse.Namespace) -> float:
    """Return what rates are to be over at most, s."""
    if options.interval is None or (settings.file is not None and not settings.realtime):
        return math.inf
    if options.every is None and _duration(settings, options) == math.inf:
        raise SourceError(
            f"cannot measure the last {options.interval:g} s of a file that is replayed (its end is not known before it"
            " comes; give --duration, too, or leave -n out)",
            2,
        )
    return float(options.interval)


def _one(source: SnapshotSource, duration: float, interval: float, view: View) -> Snapshot:
    """Return the state of things after ``duration``, or at the end of a file, with the capture at rest.

    At rest the law holds in the flows as well: the packets of all of them together are those accounted for.
    """
    deadline = time.monotonic() + duration
    state = source.snapshot(GLANCE).state
    if interval < duration and _wait(source, state, deadline - interval) not in FINAL:
        state = source.snapshot(GLANCE).state
    _wait(source, state, deadline)
    source.stop()
    return source.snapshot(view)


def _wait(source: SnapshotSource, state: CaptureState, deadline: float) -> CaptureState:
    """Wait until ``deadline``, or until ``source``, in ``state`` just now, has ended; return its state."""
    pause, longest = FILE_PATIENCE_S
    while state not in FINAL and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(longest, pause * 1.5)
        state = source.state()
    return state


def _leaving(anonymizer: Anonymizer | None) -> Leaving:
    """Return what makes a snapshot one that may be written."""
    if anonymizer is None:
        return lambda snapshot: snapshot
    from xtop.anonymized import anonymized

    return lambda snapshot: anonymized(snapshot, anonymizer)


def _series(
    settings: CaptureSettings,
    view: View,
    interval: float,
    options: argparse.Namespace,
    output: Path | None,
    leaving: Leaving,
) -> int:
    if options.format not in {None, "ndjson"}:
        raise SourceError(
            f"a series cannot be {options.format} (it is written as ndjson; leave --every or --format out)", 2
        )
    write = writer_of("ndjson")
    last: Snapshot | None = None
    asked_to_end: BaseException | None = None
    with closing(start_capture(settings)) as source, open_output(output, bool(options.overwrite)) as stream:
        try:
            due = time.monotonic()
            end = due + options.duration if options.duration is not None else math.inf
            source.snapshot(view)
            number = 0
            while number != options.count and due < end and (last is None or last.state not in FINAL):
                due = next_moment(due, options.every, time.monotonic(), end)
                if due - interval > time.monotonic():
                    _sleep_until(due - interval)
                    source.snapshot(GLANCE)
                _sleep_until(due)
                last = source.snapshot(view)
                write(leaving(last), stream)
                stream.flush()
                number += 1
        except (KeyboardInterrupt, SystemExit) as request:
            asked_to_end = request  # what was written so far is whole lines: it stays
    if asked_to_end is not None:
        raise asked_to_end
    return _verdict(last)


def next_moment(due: float, every: float, now: float, end: float) -> float:
    """Return when the moment after that of ``due`` is due: the last one at the ``end``, however soon that comes.

    Where the end is a whole number of moments away, sums of fractions may miss it by a hair: none comes for that hair.
    """
    following = max(due + every, now)
    return end if following > end - every / 1000 else following


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _verdict(snapshot: Snapshot | None) -> int:
    """Return 0; raise SourceError where the capture broke, after its figures up to then were written."""
    if snapshot is not None and snapshot.state is CaptureState.FAILED:
        raise SourceError(snapshot.state_text or "the capture broke (it does not say why)", 1)
    return 0
