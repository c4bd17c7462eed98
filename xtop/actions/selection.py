# SPDX-License-Identifier: BSD-2-Clause
"""The selected row, and what is done with it."""

from __future__ import annotations

from xtop.live_app import LiveApp
from xtop.picture import Pinned
from xtop.pinning import seen_in
from xtop.widgets.detail_screen import DetailScreen
from xtop.widgets.flow_table import FlowTable


class SelectionActions(LiveApp):
    """Moves the selection; shows the selected flow in full."""

    def action_select(self, rows: int) -> None:
        """Move the selection."""
        self.query_one(FlowTable).move(rows)

    def action_page(self, direction: int) -> None:
        """Move by a page."""
        self.query_one(FlowTable).page(direction)

    def action_edge(self, direction: int) -> None:
        """Go to the first or the last flow."""
        self.query_one(FlowTable).edge(direction)

    def action_columns(self, direction: int) -> None:
        """Scroll by a column."""
        self.query_one(FlowTable).columns(direction)

    def action_detail(self) -> None:
        """Show the selected flow in full."""
        flow, frame = self.query_one(FlowTable).selected, self.playback.shown
        if flow is None or frame is None:
            self.notice("no flow is selected (↓ selects one)")
        elif self._view.group != "flow":
            self.notice(f"this row is many flows, added up by {self._view.group}; the detail is of one flow")
        elif len(self.screen_stack) == 1:
            self._pinned = seen_in(frame.snapshot, Pinned(flow, (), frame.snapshot.taken_at), self.playback.timeline)
            self.push_screen(DetailScreen(), self._detail_closed)
            self.call_after_refresh(self._detail_opened)

    def _detail_opened(self) -> None:
        if self._work is not None:
            self.follow(self._work)
        self._arrange(self.size.width, self.size.height)
        self.draw()

    def _detail_closed(self, _: None) -> None:
        self._pinned = None
        self.draw()
