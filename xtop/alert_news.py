# SPDX-License-Identifier: BSD-2-Clause
"""What of the alerts the screen says now: how many are unread, and the newest for as long as it is new."""

from __future__ import annotations

from xtop.alerts import AlertLimits, AlertWatch
from xtop.history import LossNow
from xtop.model import Snapshot
from xtop.picture import Alerts
from xtop.units import NANOSECONDS

NEWS_S = 30  # for so long an alert stands below the header


class AlertNews:
    """Looks at snapshots while it is ``on``."""

    def __init__(self, limits: AlertLimits, on: bool) -> None:
        self.on = on
        self.watch = AlertWatch(limits)
        self._unread = 0

    def take(self, snapshot: Snapshot, loss_now: LossNow) -> None:
        """Look for what is worth saying in a new snapshot."""
        if self.on:
            self._unread += len(self.watch.take(snapshot, loss_now))

    def read(self) -> None:
        """Know that the user has seen all that was said."""
        self._unread = 0

    def shown(self, latest: Snapshot | None) -> Alerts:
        """Return what is said beside ``latest``, the present; beside none nothing, nor beside the past."""
        log = self.watch.log
        if not self.on or not log or latest is None:
            return Alerts(self.on)
        new = latest.taken_at - log[-1].at < NEWS_S * NANOSECONDS and self._unread > 0
        return Alerts(True, self._unread, log[-1] if new else None)
