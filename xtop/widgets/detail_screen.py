# SPDX-License-Identifier: BSD-2-Clause
"""The screen of one flow: header and key line stay, the page between them scrolls. The keys of time work here, too."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import Screen

from xtop.filter_language.flow_expression import flow_expression
from xtop.ink import Line, fitted
from xtop.keymap import DETAIL_KEYS, detail_line
from xtop.picture import Picture
from xtop.tcpdump_expression import tcpdump_expression
from xtop.widgets.flow_detail import detail_lines, ends_text
from xtop.widgets.footer_line import FooterLine
from xtop.widgets.header_line import HeaderLine
from xtop.widgets.key_bindings import bindings
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.state_banner import StateBanner
from xtop.widgets.tiny_notice import TinyNotice
from xtop.widgets.window import ScrollBox


class DetailTitle(LinePanel):
    """Both ends of the flow, which are never cut: on a narrow terminal each has a line."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return one line or two."""
        return title_lines(picture, width)

    def show(self, picture: Picture) -> None:
        """Be as high as the ends are long."""
        self.styles.height = max(1, len(title_lines(picture, self.app.size.width)))
        super().show(picture)


def title_lines(picture: Picture, width: int) -> list[Line]:
    """Return the title in one line where it fits, else in two."""
    if picture.pinned is None:
        return []
    flow = picture.pinned.flow
    source, destination = ends_text(flow)
    arrow = "↔" if flow.reverse.packets else "→"
    if len(source) + len(destination) + 5 <= width:
        return [[(" ", "base"), (source, "strong"), (f" {arrow} ", "accent"), (destination, "strong")]]
    return [[(" ", "base"), (source, "strong")], [(f" {arrow} ", "accent"), (destination, "strong")]]


class DetailPage(LinePanel):
    """The sections of :mod:`xtop.widgets.flow_detail`."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the page."""
        return [fitted(line, width) for line in detail_lines(picture, width)]

    def show(self, picture: Picture) -> None:
        """Be as high as the page is long."""
        self._grow(picture)
        super().show(picture)

    def on_resize(self, event: Resize) -> None:
        """Another width makes another page."""
        self._grow(self._picture)
        super().on_resize(event)

    def _grow(self, picture: Picture) -> None:
        height = len(detail_lines(picture, self.size.width)) if self.size.width else 1
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height


class DetailScreen(Screen[None]):
    """Shows the flow that the picture has pinned."""

    BINDINGS = bindings(DETAIL_KEYS)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield HeaderLine(id="header")
        yield StateBanner(id="banner")
        yield DetailTitle(id="ends")
        with ScrollBox(id="detail"):
            yield DetailPage()
        yield TinyNotice(id="tiny")
        yield FooterLine(detail_line, id="footer")

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        self.query_one("#detail").focus()

    def action_scroll(self, lines: int) -> None:
        """Scroll the page."""
        self.query_one("#detail").scroll_relative(y=lines, animate=False)

    def action_page(self, direction: int) -> None:
        """Scroll by a page."""
        page = self.query_one("#detail")
        page.scroll_relative(y=direction * max(1, page.size.height - 1), animate=False)

    def action_edge(self, direction: int) -> None:
        """Scroll to the top or to the end."""
        page = self.query_one("#detail")
        page.scroll_end(animate=False) if direction > 0 else page.scroll_home(animate=False)

    def action_close(self) -> None:
        """Go back to the table."""
        self.dismiss()

    def action_copy(self, what: str) -> None:
        """Put an expression into the terminal's clipboard (OSC 52)."""
        pinned = self.query_one(DetailPage).picture.pinned
        if pinned is None:
            return
        text = flow_expression(pinned.flow) if what == "filter" else tcpdump_expression(pinned.flow)
        footer = self.query_one(FooterLine)
        if text is None:
            footer.notice("there is no tcpdump filter for a flow inside a tunnel")
        else:
            self.app.copy_to_clipboard(text)
            footer.notice(f"copied, if this terminal lets programs copy: {text}")
