# SPDX-License-Identifier: BSD-2-Clause
"""A source whose snapshots carry one more note: what xtop itself tried before it came to this source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xtop.model import CaptureState, Snapshot, View
from xtop.source import SnapshotSource


class NotedSource:
    """Passes everything on to ``source`` and puts ``note`` before its notes."""

    def __init__(self, source: SnapshotSource, note: str) -> None:
        self._source = source
        self._note = note

    def snapshot(self, view: View) -> Snapshot:
        """Return the source's snapshot, with the note."""
        snapshot = self._source.snapshot(view)
        return replace(snapshot, source=replace(snapshot.source, notes=(self._note, *snapshot.source.notes)))

    def state(self) -> CaptureState:
        """Return the source's state."""
        return self._source.state()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)  # what only some sources can do, as packets of a flow

    def leave(self) -> None:
        """Let the source end."""
        self._source.leave()

    def stop(self) -> None:
        """Stop the source."""
        self._source.stop()

    def close(self) -> None:
        """Close the source."""
        self._source.close()
