# SPDX-License-Identifier: BSD-2-Clause
"""The screen: takes snapshots from the poller, makes pictures of them, and hands each region the same one.

All that the user can change (order, units, pause, theme) is kept here; the regions only draw.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.containers import Container
from textual.events import Resize
from textual.screen import Screen

from xtop.columns import Column, by_sort, next_sort, ordered
from xtop.history import FlowTrends, LossNow, ThroughputHistory, loss_between
from xtop.keymap import KEYMAP
from xtop.layout import Layout, choose
from xtop.messages import SnapshotTaken, SourceFailed
from xtop.model import Snapshot, View
from xtop.picture import Picture
from xtop.poller import FINAL, Poller
from xtop.source import SnapshotSource
from xtop.themes import DEFAULT_THEME, INK_DEFAULTS, MONO, following
from xtop.widgets.export_prompt import Export, ExportPrompt, export_format
from xtop.widgets.flow_table import FlowTable
from xtop.widgets.footer_line import FooterLine
from xtop.widgets.header_line import HeaderLine
from xtop.widgets.help_screen import HelpScreen
from xtop.widgets.histogram_panel import HistogramPanel
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.loss_panel import LossPanel
from xtop.widgets.protocol_panel import ProtocolPanel
from xtop.widgets.queue_panel import QueuePanel
from xtop.widgets.state_banner import StateBanner
from xtop.widgets.throughput import Throughput
from xtop.widgets.tiny_notice import TinyNotice

ROW_LIMIT = 1000  # flows that a snapshot brings; who scrolls further wants another order


def write_by_suffix(snapshot: Snapshot, path: Path) -> None:
    """Write ``snapshot`` in the format of ``path``'s suffix; never over a file (OSError, ValueError)."""
    from xtop.export import write_snapshot  # only who exports pays for the exporters

    write_snapshot(snapshot, path, format=export_format(path), overwrite=False)


class XtopApp(App[None]):
    """The live screen over ``source``, which is neither stopped nor closed here: its owner does that afterwards."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "xtop"
    BINDINGS = [Binding(",".join(key.keys), key.action, key.help, show=False, priority=key.priority) for key in KEYMAP]

    def __init__(
        self,
        source: SnapshotSource,
        interval: float = 1.0,
        export: Export | None = None,
        *,
        view: View | None = None,
        theme: str | None = None,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Show ``source``, asked every ``interval`` seconds for ``view``; ``clock`` counts seconds, ``now`` dates."""
        plain = bool(os.environ.pop("NO_COLOR", ""))  # `mono` sends no colour; the framework's way would send greys
        super().__init__()
        self._view = view or View(top=ROW_LIMIT, sort="bps")
        self._view_is_ours = view is None
        self.poller = Poller(source, self._view, interval, self.post_message)
        self._export = export or write_by_suffix
        self._clock, self._now = clock, now
        self._throughput, self._trends = ThroughputHistory(), FlowTrends()
        self._latest: Snapshot | None = None  # as the source gave it
        self._shown: Snapshot | None = None  # as it is on the screen
        self._loss_now = LossNow()
        self._trends_shown: dict[bytes, tuple[float, ...]] = {}
        self._failure: str | None = None
        self._in_bytes = False
        self._paused_at: float | None = None
        self._opened_at = clock()
        self.register_theme(MONO)
        self.theme = "mono" if plain else theme or DEFAULT_THEME

    def compose(self) -> ComposeResult:
        """Lay the regions out; the style sheet places them for each :class:`Layout`."""
        yield HeaderLine(id="header")
        yield StateBanner(id="banner")
        with Container(id="above"):
            yield Throughput(id="throughput")
            yield QueuePanel(id="queues")
        yield FlowTable(id="flows")
        with Container(id="below"):
            with Container(id="shapes"):
                yield HistogramPanel("Packet size", lambda snapshot: snapshot.packet_size, id="sizes")
                yield HistogramPanel("Flow duration", lambda snapshot: snapshot.flow_duration, id="durations")
                yield HistogramPanel("Flow packets", lambda snapshot: snapshot.flow_packets, id="lengths")
                yield ProtocolPanel(id="protocols")
            yield LossPanel(id="loss")
        yield FooterLine(id="footer")
        yield TinyNotice(id="tiny")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return how inks are set where a theme does not say."""
        return INK_DEFAULTS

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the commands of the palette: those that need no row to act on."""
        for key in KEYMAP:
            if key.label:
                yield SystemCommand(key.label.capitalize(), key.help, self._command(key.action))

    def _command(self, action: str) -> Callable[[], object]:
        return lambda: self.run_action(action)

    def on_mount(self) -> None:
        """Begin."""
        self._arrange(self.size.width, self.size.height)
        self.query_one(FlowTable).focus()
        self.draw()
        self.poller.start()
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        """Let the poller's thread go."""
        self.poller.stop()

    def on_resize(self, event: Resize) -> None:
        """Choose the arrangement that fits."""
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int, height: int) -> None:
        fitting = choose(width, height)
        for layout in Layout:
            self.screen_stack[0].set_class(layout is fitting, layout.value)

    def _tick(self) -> None:
        """Move the clocks that stand on the screen while no snapshot comes."""
        if self._paused_at is not None or self._shown is None or not self._shown.totals.packets:
            self.draw()

    def picture(self) -> Picture:
        """Return what the screen shows now."""
        return Picture(
            snapshot=self._shown,
            view=self._view,
            throughput=self._throughput.until(self._shown.taken_at) if self._shown else (),
            trends=self._trends_shown,
            loss_now=self._loss_now,
            in_bytes=self._in_bytes,
            paused_s=None if self._paused_at is None else int(self._clock() - self._paused_at),
            waited_s=int(self._clock() - self._opened_at),
            failure=self._failure,
        )

    def draw(self) -> None:
        """Hand every region the present picture; a snapshot that comes while the screen closes finds none."""
        picture = self.picture()
        for base in self.screen_stack[:1]:
            for panel in base.query(LinePanel):
                panel.show(picture)
            for table in base.query(FlowTable):
                table.show(picture)

    @on(SnapshotTaken)
    def _take(self, message: SnapshotTaken) -> None:
        """Remember a snapshot, and show it unless the screen is held."""
        before, self._latest = self._latest, message.snapshot
        if before is None and self._view_is_ours and message.snapshot.source.kind == "file":
            self._view = replace(
                self._view, ended=True
            )  # a file is read at once: its flows have ended when it is shown
            self.poller.look(self._view)
        self._throughput.record(message.snapshot)
        self._trends.record(message.snapshot)
        if self._paused_at is None:
            self._loss_now = loss_between(before, message.snapshot)
            self._present(message.snapshot, message.view)
        self.poller.taken()
        if message.snapshot.state in FINAL and message.view != self._view:
            self.poller.look(self._view)

    def _present(self, snapshot: Snapshot, asked: View) -> None:
        if asked != self._view:
            snapshot = self._as_viewed(snapshot)
        self._shown = snapshot
        self._trends_shown = self._trends.by_key()
        self.draw()

    def _as_viewed(self, snapshot: Snapshot) -> Snapshot:
        """Return ``snapshot`` in the order that is wanted now, out of the rows that it has."""
        flows = [flow for flow in snapshot.flows if self._view.ended or flow.end_reason is None]
        return replace(snapshot, flows=ordered(flows, self._view.sort, self._view.descending))

    @on(SourceFailed)
    def _fail(self, message: SourceFailed) -> None:
        """Keep the last figures, and say why there will be no others."""
        self._failure = message.text
        self._paused_at = None
        if self._latest is not None:
            self._present(self._latest, self._view)
        self.draw()

    def _look(self, view: View) -> None:
        """Show ``view``: at once of the rows at hand, from the next snapshot on of all flows."""
        self._view = view
        if self._shown is not None:
            self._shown = self._as_viewed(self._shown)
        self.poller.look(view)
        self.query_one(FlowTable).reveal(by_sort(view.sort))
        self.draw()

    @on(FlowTable.SortAsked)
    def _sort_asked(self, message: FlowTable.SortAsked) -> None:
        if message.column.sort == self._view.sort:
            self.action_reverse()
        else:
            self._sort_by(message.column)

    def _sort_by(self, column: Column) -> None:
        assert column.sort is not None
        self._look(replace(self._view, sort=column.sort, descending=column.descending))

    def action_next_sort(self) -> None:
        """Sort by the next column."""
        self._sort_by(next_sort(self._view.sort))

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._look(replace(self._view, descending=not self._view.descending))

    def action_ended(self) -> None:
        """Show ended flows too, or live ones only."""
        self._look(replace(self._view, ended=not self._view.ended))

    def action_units(self) -> None:
        """Rates in bytes, or in bits."""
        self._in_bytes = not self._in_bytes
        self.draw()

    def action_pause(self) -> None:
        """Hold the screen, or show the present again."""
        if self._paused_at is None:
            if self._shown is not None and self._failure is None:
                self._paused_at = self._clock()
        else:
            self._paused_at = None
            if self._latest is not None:
                self._shown = self._as_viewed(self._latest)
                self._trends_shown = self._trends.by_key()
        self.draw()

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

    def action_deselect(self) -> None:
        """Select nothing."""
        self.query_one(FlowTable).deselect()

    def action_help(self) -> None:
        """Show the keys."""
        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        elif len(self.screen_stack) == 1:
            self.push_screen(HelpScreen())

    def action_next_theme(self) -> None:
        """Take the next theme."""
        self.theme = following(self.theme)
        self.query_one(FooterLine).notice(f"theme {self.theme}")

    def action_export(self) -> None:
        """Ask for a path and write what is shown there."""
        if self._shown is None:
            self.query_one(FooterLine).notice("nothing to export yet")
        elif len(self.screen_stack) == 1:
            self.push_screen(ExportPrompt(self._shown, self._export, self._now()), self._exported)

    def _exported(self, path: Path | None) -> None:
        if path is not None and self._shown is not None:
            self.screen_stack[0].query_one(FooterLine).notice(f"exported to {path}")
