# SPDX-License-Identifier: BSD-2-Clause
"""Which flows the table lets through."""

from __future__ import annotations

from dataclasses import replace

from textual import on

from xtop.filter_language.flow_expression import row_expression
from xtop.live_app import LiveApp
from xtop.widgets.filter_prompt import FilterPrompt
from xtop.widgets.flow_table import FlowTable


class FilterActions(LiveApp):
    """Asks for a filter, or makes one of the selected row."""

    def action_deselect(self) -> None:
        """Select nothing; where nothing is selected, let every flow through again."""
        table = self.query_one(FlowTable)
        if self._view.filter and not table.has_selection:
            self._filter_by("")
        table.deselect()

    def action_filter(self) -> None:
        """Ask for a filter."""
        if len(self.screen_stack) == 1:
            self.query_one(FilterPrompt).open(self._view.filter)

    def action_filter_row(self) -> None:
        """Filter by the selected row, or by the flow in detail, which stays open."""
        row = self._flow
        if row is None:
            self.notice("no row is selected (the arrows select one)")
        elif self._view.group == "flow" or row.source or row.protocol or row.vlan:
            expression = row_expression(row, self._view.group, self._view.directions)
            self.look(replace(self._view, group="flow", filter=expression), at_once=True)
            if self._pinned is not None:
                self.notice(f"the table behind shows this flow alone ({self._key('close')} leads there)")

    def _filter_by(self, text: str) -> None:
        if text != self._view.filter:
            self.look(replace(self._view, filter=text), at_once=True)

    @on(FilterPrompt.Told)
    def _filter_told(self, message: FilterPrompt.Told) -> None:
        self._filter_by(message.text)

    @on(FilterPrompt.Closed)
    def _filter_closed(self, message: FilterPrompt.Closed) -> None:
        self.query_one(FlowTable).focus()
