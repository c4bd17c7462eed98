# SPDX-License-Identifier: BSD-2-Clause
"""The end of a store as a source of snapshots: a capture that is over."""

from __future__ import annotations

from dataclasses import replace

from xtop.held_view import as_viewed
from xtop.model import CaptureState, Snapshot, View
from xtop.store.timeline import StoredTimeline


class StoredSource:
    """A SnapshotSource whose only moment is the last of ``timeline``; ``text`` says what it is the end of."""

    def __init__(self, timeline: StoredTimeline, text: str) -> None:
        frame = timeline.at(timeline.last)
        assert frame is not None
        self._last = frame.snapshot
        if self._last.state is not CaptureState.FAILED:
            self._last = replace(self._last, state=CaptureState.DONE, state_text=text)

    def snapshot(self, view: View) -> Snapshot:
        """Return the last moment, its rows as ``view`` wants them."""
        return as_viewed(self._last, view)

    def state(self) -> CaptureState:
        """Return that it is over."""
        return self._last.state

    def leave(self) -> None:
        """Do nothing: it is over."""

    def stop(self) -> None:
        """Do nothing: it is over."""

    def close(self) -> None:
        """Do nothing: nothing is open."""
