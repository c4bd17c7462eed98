# SPDX-License-Identifier: BSD-2-Clause
"""A source whose ended flows go to collectors, too, for as long as it lives."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xtop.export.errors import ExportError
from xtop.ipfix.exporter import IpfixExporter
from xtop.model import CaptureState, ExporterStatus, Snapshot, View
from xtop.source import SnapshotSource

FINAL = (CaptureState.DONE, CaptureState.FAILED)


class ExportingSource:
    """Owns ``source`` and ``exporters``, which run already. ``patience`` as of :meth:`IpfixExporter.finish`."""

    def __init__(self, source: SnapshotSource, exporters: Sequence[IpfixExporter], patience: float) -> None:
        self._source = source
        self.exporters = exporters
        self._patience = patience
        self._lock = threading.Lock()
        self._closed = False
        self._given_up = False

    def snapshot(self, view: View) -> Snapshot:
        """Return the source's snapshot, with where its exporters stand."""
        snapshot = self._source.snapshot(view)
        self._finish_if_final(snapshot.state)
        return replace(snapshot, exporters=self.statuses())

    def state(self) -> CaptureState:
        """Return the source's state."""
        state = self._source.state()
        self._finish_if_final(state)
        return state

    @property
    def failed(self) -> bool:
        """Whether an exporter has ended before its time."""
        return any(exporter.failure is not None for exporter in self.exporters)

    def statuses(self) -> tuple[ExporterStatus, ...]:
        """Return where each exporter stands."""
        return tuple(exporter.status() for exporter in self.exporters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)  # what only some sources can do, as packets of a flow

    def leave(self) -> None:
        """Let the source end; its flows are exported by `close`."""
        self._source.leave()

    def stop(self) -> None:
        """Stop the source; what it saw is exported from now on to its end."""
        self._source.stop()
        self._finish()

    def join(self) -> None:
        """Wait until the exporters of a capture at rest have ended; who interrupts this wants to wait no more."""
        try:
            for exporter in () if self._given_up else self.exporters:
                exporter.join()
        except BaseException:
            self._given_up = True
            for exporter in self.exporters:
                exporter.give_up()
            raise

    def check(self) -> None:
        """Raise ExportError where an exporter that has ended did not send all."""
        for exporter in self.exporters:
            if exporter.failure is not None:
                raise exporter.failure
            one = exporter.status()
            if one.lost:
                why = one.trouble or "it could not keep up"
                raise ExportError(f"{one.lost} flows did not reach {one.url} ({why}; {one.flows} did)", 1)

    def close(self) -> None:
        """Stop, export what there is, and close the source."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self.stop()
            self.join()
        finally:
            self._source.close()

    def _finish_if_final(self, state: CaptureState) -> None:
        if state in FINAL:
            self._finish()

    def _finish(self) -> None:
        for exporter in self.exporters:
            exporter.finish(self._patience)
