# SPDX-License-Identifier: BSD-2-Clause
"""A source that can be exchanged for another while a screen looks at it."""

from __future__ import annotations

import threading
from typing import Any

from xtop.model import CaptureState, Snapshot, View
from xtop.source import SnapshotSource


class SwitchableSource:
    """Passes everything on to the present source. It owns that source: it closes the one it lets go of."""

    def __init__(self, source: SnapshotSource) -> None:
        self._source = source
        self._lock = threading.Lock()

    def switch(self, source: SnapshotSource) -> None:
        """Go on with ``source``; the one before is closed, once a snapshot of it that is under way is taken."""
        with self._lock:
            before, self._source = self._source, source
        before.close()

    def snapshot(self, view: View) -> Snapshot:
        """Return the present source's snapshot."""
        with self._lock:
            return self._source.snapshot(view)

    def state(self) -> CaptureState:
        """Return the present source's state."""
        return self._source.state()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)  # what only some sources can do, as packets of a flow

    def leave(self) -> None:
        """Let the present source end."""
        self._source.leave()

    def stop(self) -> None:
        """Stop the present source."""
        self._source.stop()

    def close(self) -> None:
        """Close the present source."""
        self._source.close()
