# SPDX-License-Identifier: BSD-2-Clause
"""Which panels are shown, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace

from xtop.layout import PANELS
from xtop.live_app import LiveApp


class PanelActions(LiveApp):
    """Hides panels, switches their looks."""

    def action_panel(self, number: int) -> None:
        """Show or hide a panel."""
        self._hidden = self._hidden ^ frozenset(PANELS[number - 1])
        self._arrange(self.size.width, self.size.height)
        if all(name in self._hidden for panel in PANELS for name in panel):
            self.notice(f"all panels are hidden; {self._key('throughput')} to {self._key('loss')} show them again")

    def action_look(self, what: str) -> None:
        """Switch one of the ways in which panels are drawn: a field of Look."""
        look = self._look_of_panels
        self._look_of_panels = replace(look, **{what: not getattr(look, what)})
        self.draw()
