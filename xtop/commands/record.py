# SPDX-License-Identifier: BSD-2-Clause
"""``xtop record``: exports flows as they end, without a screen, until it is stopped or the file is at its end."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xtop.commands.opening import asked_anonymizer, checked_filter, requested_capture, start_exporting
from xtop.ipfix.exporting_source import ExportingSource
from xtop.metrics import Metrics, parse_metrics_address
from xtop.model import CaptureState, ExporterStatus, Snapshot, View
from xtop.options import export_options_given, export_settings
from xtop.source import SourceError

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer  # imports what only this needs
    from xtop.ipfix.settings import ExportSettings
    from xtop.store.keeper import Keeper  # and what only a store needs

EXIT_INTERRUPTED = 130
FINAL = (CaptureState.DONE, CaptureState.FAILED)
GLANCE = View(top=1)
LOOK_S = 0.1  # between two looks at whether the capture has ended
TERMINAL_EVERY_S = 1.0
INTERVAL_S = 1.0
PATIENCE_S = 10.0  # for a collector that takes nothing any more


def run(options: argparse.Namespace) -> int:
    """Record; being told to end is how a record of an interface ends."""
    exports = _exports(options)
    checked_filter(exports.flow_filter)
    anonymizer = asked_anonymizer(options)
    if not exports.collectors and options.metrics is None and options.store is None:
        raise SourceError("nothing to record to (give -o FILE, or --ipfix udp://collector:4739, or --store DIR)", 2)
    if not exports.collectors and (given := export_options_given(options)):
        raise SourceError(f"{given[0]} is about exports (give -o FILE or --ipfix URL, or leave it out)", 2)
    settings = requested_capture(options)
    settings = replace(settings, keep_ended=1, lossless_ended=settings.file is not None)
    line = StatusLine(options.every)
    with ExitStack() as stack:
        metrics = _metrics(options.metrics, stack)
        keeper = _keeper(options, anonymizer, stack)
        source = stack.enter_context(closing(start_exporting(settings, exports, PATIENCE_S, anonymizer)))
        code = _until_its_end(source, line, metrics, keeper, options.interval or INTERVAL_S)
        source.stop()
        source.join()
        last = None if keeper is None else keeper.keep(source)
        if last is None and (line.wanted or source.state() is CaptureState.FAILED):
            last = source.snapshot(GLANCE)  # at all flows, which nobody else has asked for yet
        line.write(last)
        line.end()
    if last is not None and last.state is CaptureState.FAILED:
        raise SourceError(last.state_text or "the capture broke (it does not say why)", 1)
    source.check()
    if keeper is not None:
        keeper.check()
    return code


def _exports(options: argparse.Namespace) -> ExportSettings:
    exports = export_settings(options)
    if options.output is None:
        return exports
    return replace(exports, collectors=(options.output, *exports.collectors))


def _keeper(options: argparse.Namespace, anonymizer: Anonymizer | None, stack: ExitStack) -> Keeper | None:
    if options.store is None:
        if options.store_size is not None:
            raise SourceError("--store-size is about a store (give --store DIR)", 2)
        return None
    from xtop.store.keeper import Keeper
    from xtop.store.writer import STORE_SIZE, StoreWriter

    writer = StoreWriter(Path(options.store), options.store_size or STORE_SIZE)
    return stack.enter_context(closing(Keeper(writer, options.interval or INTERVAL_S, anonymizer)))


def _metrics(text: str | None, stack: ExitStack) -> Metrics | None:
    if text is None:
        return None
    try:
        address = parse_metrics_address(text)
    except ValueError as error:
        raise SourceError(f"cannot serve metrics ({error})", 2) from None
    return stack.enter_context(closing(Metrics(address)))


def _until_its_end(
    source: ExportingSource, line: StatusLine, metrics: Metrics | None, keeper: Keeper | None, interval: float
) -> int:
    """Wait until the capture has ended or somebody wants it to; return the exit code that this stands for."""
    due = time.monotonic()
    try:
        while source.state() not in FINAL and not source.failed:
            now = time.monotonic()
            kept = keeper.keep(source) if keeper is not None and keeper.due(now) else None
            over = metrics is not None and now >= due
            if line.due(now) or over:
                # Rates are since the last look: those of moments count, without them those of metrics.
                between = keeper is not None or (metrics is not None and not over)
                snapshot = kept or source.snapshot(replace(GLANCE, between=between))
                line.write_if_due(snapshot, now)
                if metrics is not None:
                    metrics.show(snapshot)
                    due = now + interval if over else due
            time.sleep(min(LOOK_S, interval))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit:  # SIGTERM: a service is stopped
        pass
    return 0


class StatusLine:
    """On standard error: a line every ``every`` seconds; where nobody said how often, one that a terminal renews."""

    def __init__(self, every: float | None) -> None:
        self._over = every is None and sys.stderr.isatty()
        self._every = TERMINAL_EVERY_S if self._over else every
        self._next = time.monotonic() + (self._every or 0.0)

    @property
    def wanted(self) -> bool:
        """Whether there is to be one at all."""
        return self._every is not None

    def due(self, now: float) -> bool:
        """Whether it is time to write."""
        return self._every is not None and now >= self._next

    def write_if_due(self, snapshot: Snapshot, now: float) -> None:
        """Write where it is time to."""
        if self._every is not None and self.due(now):
            self._next = max(self._next + self._every, now)
            self.write(snapshot)

    def write(self, snapshot: Snapshot | None) -> None:
        """Write, unless nobody wants to read it. A place that takes no more ends the lines, and not the record."""
        if snapshot is not None and self.wanted:
            text = status_text(snapshot)
            try:
                sys.stderr.write(f"\r{text}\x1b[K" if self._over else f"{text}\n")
                sys.stderr.flush()
            except OSError:
                self._every, self._over = None, False

    def end(self) -> None:
        """Leave the line."""
        if self._over:
            sys.stderr.write("\n")


def status_text(snapshot: Snapshot) -> str:
    """Return what was seen and what became of it, in one line."""
    totals = snapshot.totals
    parts = [
        time.strftime("%H:%M:%S", time.localtime(snapshot.taken_at // 1_000_000_000)),
        f"{totals.packets:,} packets, {snapshot.lost.total:,} lost",
        f"{totals.flows_live:,} flows live, {totals.flows_ended:,} ended",
        *map(exporter_text, snapshot.exporters),
    ]
    return " | ".join(parts)


def exporter_text(exporter: ExporterStatus) -> str:
    """Return where one exporter stands."""
    text = f"{exporter.url}: {exporter.flows:,} flows"
    if exporter.queued:
        text += f", {exporter.queued:,} wait"
    text += f", {exporter.lost:,} lost"
    return f"{text} ({exporter.trouble})" if exporter.trouble else text
