# SPDX-License-Identifier: BSD-2-Clause
"""Who: the flows or what they add up to, one a line, drawn by itself.

Only the lines that the terminal shows are made, and of those only the cells that changed are sent. Line 0 is the title,
line 1 the header; both stay while the rows scroll beneath. The selection is a flow's key, not a row: ranks change under
it, and the view follows it. A flow that left the rows keeps its selection, so that it is found again when it returns.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click, MouseScrollDown, MouseScrollLeft, MouseScrollRight, MouseScrollUp, Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from xtop import units
from xtop.arrangement import Arrangement, Offer, arrange, offer
from xtop.cells import Scene
from xtop.columns import TITLES, Column, by_sort
from xtop.ink import Ink, Line, fitted, printable, spread
from xtop.keymap import shown
from xtop.model import CaptureState, Flow, Snapshot
from xtop.picture import Picture, describe
from xtop.screen_rows import keys_of
from xtop.widgets.drawn_lines import INK_CLASSES, DrawnLines, Palette, palette_of
from xtop.widgets.failure import failed_lines

HEAD = 2  # lines above the rows
MARGIN = 1  # cells left of them
ROOMY = 100  # cells: a title has room for a filter and a hint


class FlowTable(ScrollView, can_focus=True, inherit_bindings=False):
    """The flows of a picture in the picture's order."""

    COMPONENT_CLASSES = INK_CLASSES
    ALLOW_SELECT = False
    virtual_size = Reactive(Size(0, 0))  # more rows or fewer move no region: no layout, as the framework's asks for

    class SortAsked(Message):
        """A header was clicked."""

        def __init__(self, column: Column) -> None:
            super().__init__()
            self.column = column

    class DetailsShown(Message):
        """Columns that need the details of groups have come to stand on the screen, or are gone from it."""

        def __init__(self, shown: bool) -> None:
            super().__init__()
            self.shown = shown

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._picture = Picture()
        self._flows: Sequence[Flow] = ()
        self._rows: dict[bytes, int] = {}
        self._selected: bytes | None = None
        self._last_row = 0  # where the selected flow was last seen
        self._first_column = 0
        self._chosen_column = 0  # the first one as keys left it; a smaller terminal may show others for a while
        self._sort_shown = True  # the column that the rows are sorted by is among those shown
        self._palette: Palette | None = None
        self._drawn = DrawnLines()

    @property
    def selected(self) -> Flow | None:
        """The selected flow, if it is among the rows."""
        row = self._rows.get(self._selected) if self._selected is not None else None
        return None if row is None else self._flows[row]

    @property
    def has_selection(self) -> bool:
        """Whether a row is selected, among the rows or not."""
        return self._selected is not None

    def show(self, picture: Picture) -> None:
        """Draw ``picture``; the view follows a selected flow to its new rank."""
        follows = self._in_view(self._last_row)
        before, self._picture = self._picture.view, picture
        if picture.view.group != before.group or (picture.view.sort != before.sort and not self._shows_sort()):
            self._first_column = self._chosen_column = 0  # the first page shows what the rows are sorted by
        self._flows = _rows(picture)
        keys = keys_of(self._flows)
        self._rows = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))  # of equal keys the first
        self.virtual_size = Size(self.size.width, len(self._flows) + HEAD)
        if self._selected in self._rows:
            self._last_row = self._rows[self._selected]
            if follows:  # who has scrolled away from it is left where he looks
                self._bring_into_view(self._last_row)
        self.repaint()

    def move(self, rows: int) -> None:
        """Select the flow ``rows`` further down; the first press selects the first row in view."""
        if not self._flows:
            return
        if self._selected is None:
            self._select(self._top_row())
        else:
            self._select(max(0, min(len(self._flows) - 1, self._last_row + rows)))

    def page(self, direction: int) -> None:
        """Go a page down (1) or up (-1)."""
        self.move(direction * max(1, self.size.height - HEAD - 1)) if self._selected else self._turn(direction)

    def edge(self, direction: int) -> None:
        """Select the last flow (1) or the first (-1)."""
        if self._flows:
            self._select(len(self._flows) - 1 if direction > 0 else 0)

    def deselect(self) -> None:
        """Select nothing, and go back to the first rows."""
        self._selected, self._last_row = None, 0
        self._first_column = self._chosen_column = 0
        self.scroll_to(y=0, animate=False)
        self.repaint()

    def columns(self, direction: int) -> None:
        """Scroll by one column to the right (1) or to the left (-1)."""
        arrangement = self.arrangement
        if (direction > 0 and arrangement.more_right) or (direction < 0 and arrangement.more_left):
            self._first_column += direction
            self._chosen_column = self._first_column
            self.repaint()

    def _shows_sort(self) -> bool:
        return self._sorted_by().name in {column.name for column in self.arrangement.columns}

    def _turn(self, direction: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + direction * max(1, self.size.height - HEAD - 1), animate=False)

    def _select(self, row: int) -> None:
        self._selected, self._last_row = self._flows[row].key, row
        self._bring_into_view(row)
        self.repaint()

    def _top_row(self) -> int:
        return min(self.scroll_offset.y, len(self._flows) - 1)

    def _in_view(self, row: int) -> bool:
        return self.scroll_offset.y <= row < self.scroll_offset.y + max(1, self.size.height - HEAD)

    def _bring_into_view(self, row: int) -> None:
        top, shown = self.scroll_offset.y, max(1, self.size.height - HEAD)
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + shown:
            self.scroll_to(y=row - shown + 1, animate=False)

    @property
    def _sampling(self) -> int:
        """One packet in so many was looked at."""
        return 1 if self._picture.snapshot is None else self._picture.snapshot.source.sampling

    @property
    def row_width(self) -> int:
        """The cells for rows; the scroll bar's is kept free always, so that its coming moves nothing."""
        return self.size.width - MARGIN - 1

    def _offer(self) -> Offer:
        picture, view = self._picture, self._picture.view
        wanted = self._sorted_by().name
        chosen = picture.columns.get(view.group)
        return offer(
            view.group, chosen, ended=view.ended, names=picture.naming.on, directions=view.directions, wanted=wanted
        )

    def _sorted_by(self) -> Column:
        return by_sort(self._picture.view.sort, self._picture.view.group)

    @property
    def arrangement(self) -> Arrangement:
        """The columns that stand on the screen."""
        return arrange(self.row_width, self._first_column, self._offer())

    def repaint(self) -> None:
        """Draw again what has changed."""
        size = self.size
        if not self.is_attached or not size:
            return
        if self._palette is None:
            self._palette = palette_of(self)
        arrangement = self.arrangement
        self._sort_shown = self._sorted_by().name in {column.name for column in arrangement.columns}
        self._tell_details(arrangement)
        lines = self._lines(arrangement, *size)
        regions = self._drawn.draw(lines, size, self._palette, self._selected_line())
        if regions:
            self.refresh(*regions)

    def _tell_details(self, arrangement: Arrangement) -> None:
        view = self._picture.view
        wanted = any(column.detail for column in arrangement.columns)
        if view.group != "flow" and wanted != view.details:
            self.post_message(self.DetailsShown(wanted))

    def _lines(self, arrangement: Arrangement, width: int, height: int) -> list[Line]:
        snapshot, top = self._picture.snapshot, self.scroll_offset.y
        rows = self._flows[top : top + max(0, height - HEAD)]
        if snapshot is None or not rows:
            lines = _instead_of_rows(self._picture, width, height - HEAD)
        else:
            lines = [self._row(flow, snapshot, arrangement) for flow in rows]
        return [self._title(width, arrangement), self._header(arrangement), *lines]

    def _selected_line(self) -> int:
        """Return where the selected flow stands on the screen; -1: nowhere."""
        row = self._rows.get(self._selected, -1) if self._selected is not None else -1
        return row - self.scroll_offset.y + HEAD if row >= self.scroll_offset.y else -1

    def _title(self, width: int, arrangement: Arrangement) -> Line:
        view = self._picture.view
        left: Line = [("── ", "frame"), (TITLES[view.group], "title")]
        if view.directions and view.group in ("flow", "pair"):
            left.append((", each direction,", "base"))
        sorted_by = by_sort(view.sort, view.group)
        left.append((f" by {sorted_by.header.lower()} ", "base"))
        left.append((f"{sorted_by.mark(view.descending)} ", "accent"))
        if self._sampling > 1:
            left.append((f"sampled 1 in {self._sampling} ", "warn"))
        if view.ended:
            left.append(("ended too ", "base"))
        if view.filter:
            left += [("filter ", "dim"), (f"{printable(view.filter)} ", "accent")]
        if self._picture.kept is not None and (kept := self._picture.kept.words(view)):
            left.append((f"{printable(kept)} ", "warn"))
        right = [
            *_selected_in_full(self),
            *([] if view.filter and width < ROOMY else _hidden(arrangement)),  # the filter is the more telling
            *_position(self._picture, self.scroll_offset.y, self.size.height - HEAD),
        ]
        left = _cut_short(left, width - sum(len(text) for text, _ in right))
        rule = max(0, width - sum(len(text) for text, _ in left) - sum(len(text) for text, _ in right))
        return spread([*left, ("─" * rule, "frame")], right, width)

    def _header(self, arrangement: Arrangement) -> Line:
        line: Line = [(" " * MARGIN, "base")]
        view = self._picture.view
        sorted_by = by_sort(view.sort, view.group).name
        for column in arrangement.columns:
            ink: Ink = "accent" if column.name == sorted_by else "dim"
            text = column.header[: column.width]
            if column.name == sorted_by:
                mark = column.mark(view.descending)
                if len(text) + 2 <= column.width:
                    text = f"{text} {mark}"
                else:  # a long word is whole, and its mark stands in the gap before it
                    line[-1] = (mark, ink)
            text = f"{text:>{column.width}}" if column.right else f"{text:<{column.width}}"
            line += [(text, ink), (" ", "base")]
        return line

    def _row(self, flow: Flow, snapshot: Snapshot, arrangement: Arrangement) -> Line:
        trend = self._picture.trends.get(flow.key, ())
        picture = self._picture
        in_bytes, naming, follows_tcp = picture.in_bytes, picture.naming, snapshot.source.follows_tcp
        scene = Scene(snapshot.now, in_bytes, snapshot.totals.bps, self._sampling, trend, naming, follows_tcp)
        line: Line = [(" " * MARGIN, "base")]
        for column in arrangement.columns:
            text, ink = column.cell(flow, scene, column.width)
            text = text[: column.width]
            text = f"{text:>{column.width}}" if column.right else f"{text:<{column.width}}"
            line.append((f"{text} ", "dim" if flow.end_reason else ink))
        return line

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` of the widget as last made."""
        strips = self._drawn.strips
        return strips[y] if y < len(strips) else Strip.blank(self.size.width, self.rich_style)

    def watch_virtual_size(self, size: Size) -> None:
        """Tell the scroll bar how many rows there are; where there are fewer than before, see the last of them."""
        self.vertical_scrollbar.window_virtual_size = size.height
        self.scroll_y = self.scroll_y  # within what there is now

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Make the rows anew when others are in view."""
        super().watch_scroll_y(old_value, new_value)
        self.repaint()

    def on_resize(self, event: Resize) -> None:
        """Make all lines anew, and keep in view what was: a selected flow, the column that the rows are sorted by."""
        self._first_column = self._chosen_column
        if self._sort_shown and not self._shows_sort():
            self._first_column = 0
        self.virtual_size = Size(self.size.width, len(self._flows) + HEAD)
        if self._selected in self._rows:
            self._bring_into_view(self._last_row)
        self.repaint()

    def notify_style_update(self) -> None:
        """Take the colours anew."""
        super().notify_style_update()
        self._palette = None
        if self.is_attached:
            self.call_later(self.repaint)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Scroll by columns where shift is held; else by rows, as the framework does."""
        if event.shift:
            event.prevent_default()
            self.columns(1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Scroll back by columns where shift is held."""
        if event.shift:
            event.prevent_default()
            self.columns(-1)

    def on_mouse_scroll_right(self, event: MouseScrollRight) -> None:
        """Scroll by columns."""
        self.columns(1)

    def on_mouse_scroll_left(self, event: MouseScrollLeft) -> None:
        """Scroll back by columns."""
        self.columns(-1)

    def on_click(self, event: Click) -> None:
        """Select the flow under the pointer, or sort by the column."""
        if event.y == 1:
            for column, start in self.arrangement.places():
                if start <= event.x - MARGIN <= start + column.width and column.sort is not None:
                    self.post_message(self.SortAsked(column))
            return
        row = self.scroll_offset.y + event.y - HEAD
        if event.y >= HEAD and row < len(self._flows):
            self._select(row)


def _rows(picture: Picture) -> Sequence[Flow]:
    """Return the rows that the view asks for; none while the snapshot holds those of another."""
    snapshot = picture.snapshot
    if snapshot is None or snapshot.group != picture.view.group:
        return () if snapshot is None or picture.view.group != "flow" else snapshot.flows
    return snapshot.rows


def _hidden(arrangement: Arrangement) -> Line:
    """Return how many columns the arrow keys bring, and towards which side."""
    if not arrangement.hidden:
        return []
    left, right = "‹ " if arrangement.more_left else "", " ›" if arrangement.more_right else ""
    return [(f" {left}{arrangement.hidden} more columns{right} ", "dim"), ("──", "frame")]


def _position(picture: Picture, top: int, shown: int) -> Line:
    snapshot, rows = picture.snapshot, _rows(picture)
    if snapshot is None or not rows:
        return []
    last = min(len(rows), top + shown)
    total = snapshot.rows_total if picture.view.group == "flow" else snapshot.groups_total
    of = units.count(max(total, len(rows))).strip()
    return [(f" {top + 1}–{last} of {of} ", "dim"), ("──", "frame")]


def _selected_in_full(table: FlowTable) -> Line:
    """Return the ends of the selected row, of which a narrow table shows only parts."""
    flow = table.selected
    if flow is None or table.size.width < 100:
        return []
    names = [printable(name) for name in (flow.source, flow.destination) if name]
    stretching = [column for column in table.arrangement.columns if column.stretches]
    if not stretching or not names or max(len(name) for name in names) <= stretching[0].width:
        return []
    return [(f" {' → '.join(names)} ", "base"), ("──", "frame")]


def _cut_short(line: Line, room: int) -> Line:
    """Return ``line`` in ``room`` cells; where it is longer, with an ellipsis at its end."""
    if sum(len(text) for text, _ in line) <= room or room < 1:
        return line
    return [*fitted(line, room - 2), ("… ", "dim")] if room > 2 else fitted(line, room)


def _instead_of_rows(picture: Picture, width: int, height: int) -> list[Line]:
    """Return the sentence that says why there are no rows."""
    texts = _why_empty(picture, width)
    if len(texts) > height:  # no room for blank lines between them
        texts = [text for text in texts if text]
    said: list[Line] = [[(text[:width].center(width), "base")] for text in texts]
    return [*([[]] * max(0, min(height // 2 - 1, height - len(said)))), *said]


def _why_empty(picture: Picture, width: int) -> list[str]:
    snapshot = picture.snapshot
    if picture.failure is not None:
        return failed_lines(picture, width)
    if snapshot is None or snapshot.state is CaptureState.STARTING:
        return [f"Starting the capture … {picture.waited_s} s"]
    name, *how = (printable(part) for part in describe(snapshot.source))
    if snapshot.totals.packets == 0:
        if snapshot.state is not CaptureState.RUNNING:
            return [f"Not one packet on {name}"]
        return [f"Waiting for the first packet on {name} … {picture.waited_s} s", " · ".join(how)]
    if picture.view.group != snapshot.group and picture.view.group != "flow":
        return ["Adding up the flows …" if picture.kept is None else "Of this moment only flows were kept"]
    among = "" if picture.kept is None else picture.kept.words(picture.view)
    if among and picture.view.filter:
        ways = f"{shown(picture.keymap, 'pause')} returns to now, where all flows are looked through"
        return [f"No match {among}", ways]
    if snapshot.flows_hidden and picture.view.filter:
        hidden = units.count(snapshot.flows_hidden).strip()
        ways = f"{shown(picture.keymap, 'filter')} changes the filter, {shown(picture.keymap, 'deselect')} clears it"
        return ["No flow matches the filter", f"hidden: {hidden} ({ways})"]
    if snapshot.totals.flows_ended and not picture.view.ended:
        ended = units.count(snapshot.totals.flows_ended).strip()
        return [f"No live flows; {ended} have ended ({shown(picture.keymap, 'ended')} shows them)"]
    return ["No flows"]
