# SPDX-License-Identifier: BSD-2-Clause
"""Which moment the screen shows: the present, one that is held, or one of the last quarter of an hour.

Snapshots go on coming and are remembered whatever is shown: holding the screen holds no capture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from xtop.frame import Frame
from xtop.history import TREND_LENGTH, Curves, FlowTrends, LinkHistory, last_lost, loss_between
from xtop.model import CaptureState, Snapshot, View
from xtop.timeline import Moments, Timeline
from xtop.units import NANOSECONDS

FINAL = (CaptureState.DONE, CaptureState.FAILED)


class Playback:
    """Takes snapshots and keeps the one to show. ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start_over()

    def _start_over(self) -> None:
        self._kept = Timeline()
        self.timeline: Moments = self._kept
        self.latest: Frame | None = None
        self.shown: Frame | None = None
        self._history, self._trends = LinkHistory(), FlowTrends()
        self._held_at: float | None = None  # by the clock
        self._past = False

    @property
    def live(self) -> bool:
        """Whether the next snapshot will be shown."""
        return self._held_at is None and not self._past

    @property
    def held_s(self) -> int | None:
        """For how many seconds the screen has been held, where it is."""
        return None if self._held_at is None else int(self._clock() - self._held_at)

    @property
    def behind_s(self) -> int | None:
        """How many seconds before the present the shown moment lies, where one of the past was chosen."""
        if not self._past or self.latest is None or self.shown is None:
            return None
        return int((self.latest.snapshot.taken_at - self.shown.snapshot.taken_at) / NANOSECONDS)

    def take(self, snapshot: Snapshot, view: View | None = None) -> None:
        """Remember ``snapshot``, which came by ``view``, and show it if the screen is live.

        One of another capture starts all over.
        """
        if self.latest is not None and _another_capture(self.latest.snapshot, snapshot):
            self._start_over()
        elif self.latest is not None and _after_the_end(self.latest.snapshot, snapshot):
            self._take_again(replace(snapshot, taken_at=self.latest.snapshot.taken_at), view)
            return
        before = self.latest.snapshot if self.latest else None
        known = self.latest.last_lost if self.latest else {}
        loss_now = loss_between(before, snapshot)
        self.latest = Frame(snapshot, loss_now, last_lost(known, before, snapshot), view)
        self._history.record(snapshot, loss_now)
        self._trends.record(snapshot)
        self._kept.record(self.latest)
        if self.live:
            self.shown = self.latest

    def amend(self, snapshot: Snapshot, view: View | None = None) -> None:
        """Take other rows of the latest moment: what was asked between two intervals is none of its own."""
        if self.latest is not None:
            follows, self.latest = self.shown is self.latest, replace(self.latest, snapshot=snapshot, view=view)
            if self.live and follows:
                self.shown = self.latest

    def _take_again(self, snapshot: Snapshot, view: View | None) -> None:
        """Take other rows of the last moment of all: a sample more would be an interval that there was not."""
        self.amend(snapshot, view)
        self._trends.amend(snapshot)
        self._kept.amend(snapshot)

    def hold(self) -> None:
        """Keep what is shown, from now on."""
        if self.shown is not None and self.live:
            self._held_at = self._clock()

    def release(self) -> None:
        """Go back to the present."""
        self._held_at, self._past = None, False
        self.shown = self.latest

    def step(self, frames: int) -> bool:
        """Go one frame back (-1) or forward (1); False where there is none that way."""
        if self.shown is None:
            return False
        now = self.shown.snapshot.taken_at
        return self._go(self.timeline.before(now) if frames < 0 else self.timeline.after(now))

    def jump(self, seconds: int) -> bool:
        """Go back or forward in time, as far as it reaches; False where there is nothing that way."""
        if self.shown is None:
            return False
        now, first = self.shown.snapshot.taken_at, self.timeline.first
        if first is None or (seconds < 0 and now <= first) or (seconds > 0 and not self._past):
            return False
        return self._go(max(first, now + seconds * NANOSECONDS))

    def curves(self) -> Curves:
        """Return the link's curves up to the shown moment."""
        return self._history.until(self.shown.snapshot.taken_at) if self.shown else Curves()

    def trends(self) -> Mapping[bytes, tuple[float, ...]]:
        """Return the last rates of the flows shown."""
        if self.shown is None or self.shown is self.latest:
            return self._trends.by_key()
        return self.timeline.trends(self.shown.snapshot, TREND_LENGTH)

    def _go(self, taken_at: int | None) -> bool:
        if taken_at is None or self.latest is None:
            return False
        if taken_at >= self.latest.snapshot.taken_at:
            self.release()
            return True
        frame = self.timeline.at(taken_at)
        if frame is None:
            return False
        self.shown, self._held_at, self._past = frame, None, True
        return True


def _after_the_end(before: Snapshot, now: Snapshot) -> bool:
    """Whether the capture was over ``before`` already: its rates stand, whenever it is asked ``now``."""
    return before.state in FINAL and now.state in FINAL


def _another_capture(before: Snapshot, now: Snapshot) -> bool:
    """Whether ``now`` continues ``before`` in no way: another source, totals that fell, a wall clock set back."""
    one, other = before.source, now.source
    return (
        (one.kind, one.name, one.capture) != (other.kind, other.name, other.capture)
        or now.totals.packets < before.totals.packets
        or now.taken_at < before.taken_at - NANOSECONDS
    )
