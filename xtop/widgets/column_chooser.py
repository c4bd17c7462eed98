# SPDX-License-Identifier: BSD-2-Clause
"""Which columns the table shows, and in what order."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Click, Resize

from xtop.column_choice import ColumnList
from xtop.ink import Line
from xtop.keymap import CHOOSER_KEYS, Keymap, shown
from xtop.picture import Picture
from xtop.widgets.key_bindings import again, bindings
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.window import ScrollBox, Window

HEADER_WIDTH = 13
BORDER_CELLS = 6  # of a border's line that its words never have: corners, and what is left beside them


def legend(keymap: Keymap, width: int) -> str:
    """Return what the keys do in ``width`` cells: first in fewer words, then of fewer keys; how to leave stays."""
    names = ("column_mark", "column_left", "column_right", "usual_columns", "window_close")
    mark, left, right, usual, close = (shown(keymap, name) for name in names)
    done = f"{close} done"
    ways = (
        f"{mark} shows or hides · {left} {right} move it · {usual} the usual · {done}",
        f"{mark} shows/hides · {left} {right} move · {usual} usual · {done}",
        f"{mark} shows/hides · {left} {right} move · {done}",
        f"{mark} shows/hides · {done}",
    )
    return next((way for way in ways if len(way) <= width), done)


class ColumnChooser(Window["tuple[str, ...] | None"]):
    """Answers with the chosen columns, empty for the usual ones, or None where nothing changed."""

    BINDINGS = [*bindings(CHOOSER_KEYS), again("choose_columns")]

    def __init__(self, title: str, columns: ColumnList, keymap: Keymap) -> None:
        super().__init__()
        self._title = title
        self._columns = columns
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with ScrollBox(id="columns") as box:
            box.border_title = f"Columns of {self._title}"
            yield ChooserPage(self._columns)

    def on_resize(self, event: Resize) -> None:
        """Say of the keys what there is room for."""
        self.call_after_refresh(self._tell_keys)

    def _tell_keys(self) -> None:
        self._box.border_subtitle = legend(self._keymap, self._box.outer_size.width - BORDER_CELLS)

    def _draw(self) -> None:
        self.query_one(ChooserPage).repaint()
        box = self._box
        top, room = box.scroll_offset.y, max(1, box.scrollable_content_region.height)
        if not top <= self._columns.cursor < top + room:
            y = self._columns.cursor if self._columns.cursor < top else self._columns.cursor - room + 1
            box.scroll_to(y=y, animate=False)

    def action_line(self, lines: int) -> None:
        """Move the cursor."""
        self._columns.move(lines)
        self._draw()

    def action_page(self, direction: int) -> None:
        """Move the cursor by what is in view."""
        self.action_line(direction * max(1, self._box.scrollable_content_region.height - 1))

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first column or to the last."""
        self.action_line(direction * len(self._columns.order))

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
