# SPDX-License-Identifier: BSD-2-Clause
"""The screen's moments where all of them lie in a store: nothing comes any more, and everything is the past."""

from __future__ import annotations

from collections.abc import Callable

from xtop.history import TREND_LENGTH, Curves
from xtop.model import Snapshot, View
from xtop.playback import Playback
from xtop.store.timeline import StoredTimeline


class StoredPlayback(Playback):
    """Begins at the last moment of ``timeline`` not later than ``begin`` (ns), else at the last of all."""

    def __init__(self, clock: Callable[[], float], timeline: StoredTimeline, begin: int | None = None) -> None:
        super().__init__(clock)
        self.timeline = self._stored = timeline
        self._begin = begin

    def take(self, snapshot: Snapshot, view: View | None = None) -> None:
        """Begin; the source has nothing to tell that the store does not know."""
        if self.latest is None:
            self.latest = self.shown = self._stored.at(self._stored.last)
            self.amend(snapshot)
            if self._begin is not None:
                self._go(self._begin)

    def curves(self) -> Curves:
        """Return the link's curves up to the shown moment."""
        return self._stored.curves(self.shown.snapshot.taken_at) if self.shown else Curves()

    def trends(self) -> dict[bytes, tuple[float, ...]]:
        """Return the last rates of the flows shown."""
        return self._stored.trends(self.shown.snapshot, TREND_LENGTH) if self.shown else {}
