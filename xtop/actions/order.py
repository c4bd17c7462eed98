# SPDX-License-Identifier: BSD-2-Clause
"""In which order the table stands, and what its rows are."""

from __future__ import annotations

from dataclasses import replace

from textual import on

from xtop.columns import Column, next_sort, sortable
from xtop.live_app import LiveApp
from xtop.model import GROUPS, View
from xtop.widgets.flow_table import FlowTable


class OrderActions(LiveApp):
    """Sorts, adds up, splits; every one of them asks for another view."""

    def _ask(self, view: View) -> None:
        """Show the rows at hand as ``view`` wants them, so that a key is answered whatever the source does, and at once
        those of all flows: until the next interval, which may be a minute off, they would be called what they are not.
        """
        self.look(view, at_once=True, meanwhile=True)

    @on(FlowTable.SortAsked)
    def _sort_asked(self, message: FlowTable.SortAsked) -> None:
        if message.column.sort == self._view.sort:
            self.action_reverse()
        else:
            self._sort_by(message.column)

    def _sort_by(self, column: Column) -> None:
        assert column.sort is not None
        self._ask(replace(self._view, sort=column.sort, descending=column.descending))

    def action_next_sort(self) -> None:
        """Sort by the next column."""
        self._sort_by(next_sort(self._view.sort, self._view.group, self._view.directions))

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._ask(replace(self._view, descending=not self._view.descending))

    def action_group(self) -> None:
        """Add flows up by the next of host, pair, port, protocol, VLAN; after the last, show flows."""
        group = GROUPS[(GROUPS.index(self._view.group) + 1) % len(GROUPS)]
        keeps = self._view.sort in {column.sort for column in sortable(group)}
        sort, descending = (self._view.sort, self._view.descending) if keeps else ("bps", True)
        self._ask(replace(self._view, group=group, sort=sort, descending=descending))

    @on(FlowTable.DetailsShown)
    def _details_shown(self, message: FlowTable.DetailsShown) -> None:
        """Ask for what the table has come to show, at once; for no more from the next snapshot on."""
        if message.shown != self._view.details:
            self.look(replace(self._view, details=message.shown), at_once=message.shown)

    def _needs_all_flows(self) -> bool:
        """Whether a key asks for rows that the moment shown, held or past, does not have; says so."""
        if not self.playback.live:
            self.notice(f"of this moment the rows stay what they were ({self._key('pause')} returns to now)")
        return not self.playback.live

    def action_directions(self) -> None:
        """Show each direction as a row of its own, or both joined."""
        if self._needs_all_flows():
            return
        self._ask(replace(self._view, directions=not self._view.directions))

    def action_ended(self) -> None:
        """Show ended flows too, or live ones only."""
        if self._needs_all_flows():
            return
        self._ask(replace(self._view, ended=not self._view.ended))

    def action_units(self) -> None:
        """Rates in bytes, or in bits."""
        self._in_bytes = not self._in_bytes
        self.draw()

    def action_names(self) -> None:
        """Show names of hosts and services, or their numbers."""
        self._naming.on = not self._naming.on
        self.notice("names: reverse DNS and services" if self._naming.on else "numbers")
        self.draw()
