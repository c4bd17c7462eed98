# SPDX-License-Identifier: BSD-2-Clause
"""What is said unasked: its log, and whether it is said at all."""

from __future__ import annotations

from dataclasses import replace

from xtop.live_app import LiveApp
from xtop.widgets.alert_screen import AlertScreen


class AlertActions(LiveApp):
    """Shows the log, turns alerts off and on."""

    def action_alert_log(self) -> None:
        """Show all alerts."""
        if len(self.screen_stack) == 1:
            self._news.read()
            keys = self._settings.screen.keys
            screen = AlertScreen(lambda: self._news.watch.log, self.action_alerts, keys)
            self.push_screen(screen, lambda _: self.draw())
            self.call_after_refresh(self.draw)

    def action_alerts(self) -> None:
        """Say things unasked, or say nothing more."""
        self._news.on = not self._news.on
        self._view = replace(self._view, activity=self._news.on)
        self.poller.look(self._view)
        self._news.watch.forget()
        self.notice(f"alerts are {'on' if self._news.on else 'off'}")
        self.draw()
