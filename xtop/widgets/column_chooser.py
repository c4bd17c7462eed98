# SPDX-License-Identifier: BSD-2-Clause
"""Which columns the table shows, and in what order."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.events import Click
from textual.screen import ModalScreen

from xtop.column_choice import ColumnList
from xtop.ink import Line
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

HEADER_WIDTH = 13


class ColumnChooser(ModalScreen["tuple[str, ...] | None"]):
    """Answers with the chosen columns, empty for the usual ones, or None where nothing changed."""

    BINDINGS = [
        Binding("escape,enter,c", "close", "done"),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home,g", "move(-99)", show=False),
        Binding("end,G,upper_g", "move(99)", show=False),
        Binding("space", "mark", show=False),
        Binding("left,K,upper_k,shift+up", "carry(-1)", show=False),
        Binding("right,J,upper_j,shift+down", "carry(1)", show=False),
        Binding("r", "usual", show=False),
    ]

    def __init__(self, title: str, columns: ColumnList) -> None:
        super().__init__()
        self._title = title
        self._columns = columns

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(id="columns") as box:
            box.can_focus = False
            box.border_title = f"Columns of {self._title}"
            box.border_subtitle = "space shows or hides · ← → move it · r the usual · Esc done"
            yield ChooserPage(self._columns)

    def _draw(self) -> None:
        self.query_one(ChooserPage).repaint()
        box = self.query_one("#columns")
        top, shown = box.scroll_offset.y, max(1, box.scrollable_content_region.height)
        if not top <= self._columns.cursor < top + shown:
            y = self._columns.cursor if self._columns.cursor < top else self._columns.cursor - shown + 1
            box.scroll_to(y=y, animate=False)

    def action_move(self, steps: int) -> None:
        """Move the cursor."""
        self._columns.move(steps)
        self._draw()

    def action_mark(self) -> None:
        """Show or hide the column under the cursor."""
        self._columns.toggle()
        self._draw()

    def action_carry(self, steps: int) -> None:
        """Move the column under the cursor."""
        self._columns.carry(steps)
        self._draw()

    def action_usual(self) -> None:
        """Go back to what the table shows of itself."""
        self.dismiss(())

    def action_close(self) -> None:
        """Be done."""
        self.dismiss(self._columns.chosen if self._columns.changed else None)


class ChooserPage(LinePanel):
    """One column a line."""

    def __init__(self, columns: ColumnList) -> None:
        super().__init__()
        self._columns = columns

    def on_mount(self) -> None:
        """Be as high as there are columns."""
        self.styles.height = len(self._columns.order)

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the lines."""
        lines: list[Line] = []
        room = width - len("▶ [x] ") - HEADER_WIDTH
        for number, (marked, header, about) in enumerate(self._columns.entries()):
            here = number == self._columns.cursor
            lines.append(
                [
                    ("▶ " if here else "  ", "accent"),
                    ("[x] " if marked else "[ ] ", "key" if marked else "dim"),
                    (f"{header:<{HEADER_WIDTH}}", "strong" if here else "base" if marked else "dim"),
                    (about if len(about) <= room else about[: room - 1] + "…", "base" if marked else "dim"),
                ]
            )
        return lines

    def on_click(self, event: Click) -> None:
        """Show or hide the column under the pointer."""
        self._columns.cursor = min(event.y, len(self._columns.order) - 1)
        self._columns.toggle()
        self.repaint()
