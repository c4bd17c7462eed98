# SPDX-License-Identifier: BSD-2-Clause
"""Which columns the table has."""

from __future__ import annotations

from xtop.column_choice import ColumnList
from xtop.columns import TITLES
from xtop.live_app import LiveApp
from xtop.widgets.column_chooser import ColumnChooser
from xtop.widgets.flow_table import FlowTable


class ColumnActions(LiveApp):
    """Asks for columns, and has the choice kept."""

    def action_choose_columns(self) -> None:
        """Ask which columns the table shall have."""
        if len(self.screen_stack) > 1:
            return
        group, width = self._view.group, self.query_one(FlowTable).row_width
        columns = ColumnList(group, self._columns.choice.get(group), width)

        def take(names: tuple[str, ...] | None) -> None:
            if names is not None:
                self._columns.choose(group, names)
                self.draw()
                if not self._columns.outlives(group):
                    self.notice(f"for this time: {self._settings.path.name} says which columns of {group} are shown")
                    return
                self.run_worker(self._remember_columns, thread=True)

        self.push_screen(ColumnChooser(TITLES[group].lower(), columns, self._settings.screen.keys), take)

    def _remember_columns(self) -> None:
        complaint = self._columns.save()
        if complaint:
            self.call_from_thread(self.tell, complaint)
