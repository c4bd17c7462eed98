# SPDX-License-Identifier: BSD-2-Clause
"""The screen: takes snapshots from the poller, makes pictures of them, and hands each region the same one.

All that the user can change (order, units, pause, theme) is kept here; the regions only draw.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.containers import Container
from textual.driver import Driver
from textual.events import Resize
from textual.screen import ModalScreen, Screen

from xtop.alerts import AlertWatch
from xtop.column_choice import ColumnList, ColumnMemory
from xtop.columns import TITLES, Column, by_sort, next_sort, ordered, sortable
from xtop.export_job import PICTURE, ExportJob, ExportOrder, Write
from xtop.exporting import flows_job, picture_job, write_file
from xtop.filter_history import FilterHistory
from xtop.filter_language.flow_expression import row_expression
from xtop.flow_packets import Bounds, FlowPackets, Rewrite
from xtop.held_filter import refiltered
from xtop.history import LossNow
from xtop.keymap import KEYMAP, shown, works
from xtop.layout import PANELS, plan
from xtop.messages import ExportEnded, PacketsEnded, SnapshotTaken, SourceFailed
from xtop.model import GROUPS, Snapshot, View
from xtop.naming import Naming, SystemNaming
from xtop.packets_choice import no_packets, packets_path
from xtop.picture import Alerts, Picture, Pinned
from xtop.playback import Playback
from xtop.poller import FINAL, Poller
from xtop.regions import arrange
from xtop.row_form import ByteRows
from xtop.screen_rows import keys_of
from xtop.screen_settings import first_view, hidden_regions
from xtop.settings_file import Settings
from xtop.source import SnapshotSource
from xtop.terminal_driver import TerminalDriver
from xtop.themes import INK_DEFAULTS, MONO, following
from xtop.units import NANOSECONDS
from xtop.widgets.alert_screen import AlertScreen
from xtop.widgets.column_chooser import ColumnChooser
from xtop.widgets.detail_screen import DetailScreen
from xtop.widgets.export_dialog import ExportDialog
from xtop.widgets.filter_prompt import FilterPrompt
from xtop.widgets.flow_table import FlowTable
from xtop.widgets.footer_line import FooterLine
from xtop.widgets.header_line import HeaderLine
from xtop.widgets.help_screen import HelpScreen
from xtop.widgets.histogram_panel import HistogramPanel
from xtop.widgets.interface_screen import InterfaceScreen, ListInterfaces, Switch
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.loss_panel import LossPanel
from xtop.widgets.protocol_panel import ProtocolPanel
from xtop.widgets.queue_panel import QueuePanel
from xtop.widgets.state_banner import StateBanner
from xtop.widgets.text_input import TextInput
from xtop.widgets.throughput import Throughput
from xtop.widgets.tiny_notice import TinyNotice
from xtop.zeroing import counted_since

if TYPE_CHECKING:
    from xtop.interfaces import Interface

EXIT_RIGHTS = 3  # of the contract
NEWS_S = 30  # for so long an alert stands below the header
POLLER_PATIENCE_S = 0.05  # for a snapshot that is under way: nobody will see it
QUIT_PATIENCE_S = 1.0  # for an export to remove what it began


def list_interfaces() -> list[Interface]:
    """Return the interfaces of this host; what asks the kernel is imported by who wants to know."""
    from xtop.interfaces import list_interfaces as ask

    return ask()


class XtopApp(App[None]):
    """The live screen over ``source``, which is neither stopped nor closed here: its owner does that afterwards."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "xtop"
    BINDINGS = [
        Binding(",".join(key.keys), key.action, key.help, show=False, priority=key.priority, id=key.setting)
        for key in KEYMAP
    ]

    def __init__(
        self,
        source: SnapshotSource,
        interval: float | None = None,
        write: Write = write_file,
        *,
        settings: Settings | None = None,
        view: View | None = None,
        theme: str | None = None,
        switch: Switch | None = None,
        interfaces: ListInterfaces = list_interfaces,
        columns: ColumnMemory | None = None,
        naming: Naming | None = None,
        filters: FilterHistory | None = None,
        rewrite: Rewrite | None = None,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Show ``source``, asked every ``interval`` seconds for ``view``; ``clock`` counts seconds, ``now`` dates.

        ``interval``, ``view`` and ``theme`` come before what ``settings`` say.
        """
        plain = bool(os.environ.pop("NO_COLOR", ""))  # `mono` sends no colour; the framework's way would send greys
        super().__init__()
        self._settings = settings or Settings()
        begin = self._settings.screen
        self._view = replace(view or first_view(begin), activity=begin.alerts_on)
        self._view_is_ours = view is None
        self.poller = Poller(source, self._view, interval or begin.interval, self.post_message)
        self._write = write
        self._rewrite = rewrite  # what of packets may be written
        self._job: ExportJob | None = None
        self._source: Any = source  # a PacketSource, too, where `tap` is there
        self._packets: FlowPackets | None = None
        self._clock, self._now = clock, now
        self._switch, self._interfaces = switch, interfaces
        self.playback = Playback(clock)
        self._shown: Snapshot | None = None  # as it is on the screen, in the order that is wanted
        self._curves, self._trends = self.playback.curves(), self.playback.trends()  # of the shown moment
        self._watch = AlertWatch(begin.alerts)
        self._alerts_on, self._unread = begin.alerts_on, 0
        self._zero: Snapshot | None = None  # counters are shown since then
        self._pinned: Pinned | None = None  # the flow whose detail is open
        self._failure: SourceFailed | None = None
        self._in_bytes = begin.units == "bytes"
        self._columns = columns or ColumnMemory(settings=begin.columns)
        self._naming = naming or SystemNaming()
        self._naming.on = self._naming.on or begin.names
        self._filter_history = filters or FilterHistory()
        self._look_of_panels = begin.look
        self._hidden = hidden_regions(begin.panels)
        self._opened_at = clock()
        self.register_theme(MONO)
        self.theme = "mono" if plain else theme or begin.theme
        self.set_keymap(
            {key.setting: ",".join(key.keys) for key, usual in zip(begin.keys, KEYMAP, strict=True) if key != usual}
        )

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
                yield HistogramPanel("3 Packet size", "Size", attrgetter("packet_size"), id="sizes")
                yield HistogramPanel("4 Flow duration", "Duration", attrgetter("flow_duration"), id="durations")
                yield HistogramPanel("4 Packets/flow", "Packets", attrgetter("flow_packets"), id="lengths")
                yield ProtocolPanel(id="protocols")
            yield LossPanel(id="loss")
        yield FilterPrompt(self._filter_history, id="filter")
        yield FooterLine(id="footer")
        yield TinyNotice(id="tiny")

    def get_driver_class(self) -> type[Driver]:
        """Return the driver that draws on standard output, unless TEXTUAL_DRIVER names another."""
        return super().get_driver_class() if os.environ.get("TEXTUAL_DRIVER") else TerminalDriver

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep keys that act on the table still while a flow's detail lies over it; a slash may be part of a filter."""
        if action == "filter" and isinstance(self.focused, TextInput):
            return False
        return works(action, parameters, detail_open=isinstance(self.screen, DetailScreen))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return how inks are set where a theme does not say."""
        return INK_DEFAULTS

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the commands of the palette: all that keys do, and each theme by its name."""
        for key in self._settings.screen.keys:
            title, _, _ = (key.label or key.help).partition(";")
            yield SystemCommand(f"{title[0].upper()}{title[1:]}", f"{key.shown}: {key.help}", self._command(key.action))
        for theme in sorted(self.available_themes):
            yield SystemCommand(f"Theme {theme}", "t goes through a choice of them", partial(self._take_theme, theme))

    def _take_theme(self, theme: str) -> None:
        self.theme = theme

    def _command(self, action: str) -> Callable[[], object]:
        return lambda: self.run_action(action)

    def on_mount(self) -> None:
        """Begin."""
        self._arrange(self.size.width, self.size.height)
        self.query_one(FlowTable).focus()
        self.draw()
        if self._settings.complaint:
            self.notice(f"{self._settings.path.name}: {self._settings.complaint}")
        elif self._columns.complaint:
            self.notice(self._columns.complaint)
        self.poller.start()
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        """Let the threads go; an export that is not done leaves nothing."""
        if self._job is not None:
            self._job.call_off(QUIT_PATIENCE_S)
        if self._packets is not None and not self._packets.over:
            self._source.untap()  # what came so far is kept
            self._packets.wait(QUIT_PATIENCE_S)
        self.poller.stop(POLLER_PATIENCE_S)

    def on_resize(self, event: Resize) -> None:
        """Choose the arrangement that fits."""
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int, height: int) -> None:
        fitting = plan(width, height, self._hidden)
        for screen in self.screen_stack:
            arrange(screen, fitting)

    def _tick(self) -> None:
        """Move the clocks that stand on the screen while no snapshot comes."""
        if not self.playback.live or self._shown is None or not self._shown.totals.packets:
            self.draw()

    def picture(self) -> Picture:
        """Return what the screen shows now."""
        frame = self.playback.shown
        shown, zero = self._shown, self._zero
        if shown is not None and zero is not None:
            shown = counted_since(zero, shown)
        return Picture(
            snapshot=shown,
            view=self._view,
            curves=self._curves,
            trends=self._trends,
            loss_now=frame.loss_now if frame else LossNow(),
            last_lost=frame.last_lost if frame else {},
            look=self._look_of_panels,
            in_bytes=self._in_bytes,
            columns=self._columns.choice,
            naming=self._naming,
            keymap=self._settings.screen.keys,
            paused_s=self.playback.held_s,
            behind_s=self.playback.behind_s,
            pinned=self._pinned,
            zeroed_at=None if zero is None else zero.taken_at,
            alerts=self._alerts(),
            waited_s=int(self._clock() - self._opened_at),
            failure=None if self._failure is None else self._failure.text,
            rights_missing=self._failure is not None and self._failure.exit_code == EXIT_RIGHTS,
        )

    def draw(self) -> None:
        """Hand every region the present picture; a snapshot that comes while the screen closes finds none."""
        picture = self.picture()
        for base in self.screen_stack:
            for panel in base.query(LinePanel):
                panel.show(picture)
            for table in base.query(FlowTable):
                table.show(picture)

    @on(SnapshotTaken)
    def _take(self, message: SnapshotTaken) -> None:
        """Remember a snapshot, and show it unless the screen is held."""
        first = self.playback.latest is None
        if first and self._view_is_ours and message.snapshot.source.kind == "file":
            self._view = replace(
                self._view, ended=True
            )  # a file is read at once: its flows have ended when it is shown
            self.poller.look(self._view)
        if message.between:
            self.playback.amend(message.snapshot)
        else:
            self.playback.take(message.snapshot)
            self._warn(message.snapshot)
        if self.playback.live:
            self._present(message.view)
        self.poller.taken()
        if message.snapshot.state in FINAL and message.view != self._view:
            self.poller.look(self._view)

    def _warn(self, snapshot: Snapshot) -> None:
        """Look for what is worth saying in a new snapshot."""
        if self._alerts_on and self.playback.latest is not None:
            self._unread += len(self._watch.take(snapshot, self.playback.latest.loss_now))

    def _alerts(self) -> Alerts:
        """Return what is said unasked at the shown moment: of the past nothing."""
        latest, log = self.playback.latest, self._watch.log
        if not self._alerts_on or not log or latest is None or self.playback.behind_s is not None:
            return Alerts(self._alerts_on)
        new = latest.snapshot.taken_at - log[-1].at < NEWS_S * NANOSECONDS and self._unread > 0
        return Alerts(True, self._unread, log[-1] if new else None)

    def action_alert_log(self) -> None:
        """Show all alerts."""
        if len(self.screen_stack) == 1:
            self._unread = 0
            self.push_screen(AlertScreen(lambda: self._watch.log, self.action_alerts), lambda _: self.draw())
            self.call_after_refresh(self.draw)

    def action_alerts(self) -> None:
        """Say things unasked, or say nothing more."""
        self._alerts_on = not self._alerts_on
        self._view = replace(self._view, activity=self._alerts_on)
        self.poller.look(self._view)
        self._watch.forget()
        self.notice(f"alerts are {'on' if self._alerts_on else 'off'}")
        self.draw()

    def _present(self, asked: View | None = None) -> None:
        """Show the moment that is to be shown now; its rows came in the order of ``asked``."""
        frame = self.playback.shown
        if frame is not None:
            self._shown = frame.snapshot if asked == self._view else self._as_viewed(frame.snapshot)
            self._curves, self._trends = self.playback.curves(), self.playback.trends()
            if self._pinned is not None:
                self._pinned = self._seen_now(self._pinned, frame.snapshot)
        self.draw()

    def _seen_now(self, pinned: Pinned, snapshot: Snapshot) -> Pinned:
        """Return the flow whose detail is open as ``snapshot`` has it, or as it was if it has not."""
        rates = self.playback.timeline.rates(pinned.flow.key, snapshot.taken_at)
        keys = keys_of(snapshot.flows)
        if pinned.flow.key in keys:
            at, rows = keys.index(pinned.flow.key), snapshot.flows
            counts = rows.byte_counts(at) if isinstance(rows, ByteRows) else (None, None)
            return Pinned(rows[at], rates, snapshot.taken_at, byte_counts=counts)
        return replace(pinned, rates=rates, among_rows=False)

    def _as_viewed(self, snapshot: Snapshot) -> Snapshot:
        """Return ``snapshot`` in the order that is wanted now, out of the rows that it has."""
        view = self._view
        snapshot = refiltered(snapshot, view.filter)
        flows = tuple(flow for flow in snapshot.flows if view.ended or flow.end_reason is None)
        if view.group == "flow":
            return replace(snapshot, flows=ordered(flows, view.sort, view.descending), group="flow", groups=())
        if view.group != snapshot.group:
            return replace(snapshot, flows=flows)
        return replace(snapshot, flows=flows, groups=ordered(snapshot.groups, view.sort, view.descending, view.group))

    @on(SourceFailed)
    def _fail(self, message: SourceFailed) -> None:
        """Keep the last figures, and say why there will be no others."""
        self._failure = message
        self.playback.release()
        self._present()

    def _look(self, view: View, at_once: bool = False) -> None:
        """Show ``view``: at once of the rows at hand, from the next snapshot on (``at_once``: now) of all flows."""
        self._view = view
        if self._shown is not None and self.playback.shown is not None:
            self._shown = self._as_viewed(self.playback.shown.snapshot)
        self.poller.look(view, at_once)
        self.query_one(FlowTable).reveal(by_sort(view.sort, view.group))
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
        self._sort_by(next_sort(self._view.sort, self._view.group))

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._look(replace(self._view, descending=not self._view.descending))

    def action_group(self) -> None:
        """Add flows up by the next of host, pair, port, protocol, VLAN; after the last, show flows."""
        group = GROUPS[(GROUPS.index(self._view.group) + 1) % len(GROUPS)]
        keeps = self._view.sort in {column.sort for column in sortable(group)}
        sort, descending = (self._view.sort, self._view.descending) if keeps else ("bps", True)
        self._look(replace(self._view, group=group, sort=sort, descending=descending))

    def action_directions(self) -> None:
        """Show each direction as a row of its own, or both joined."""
        self._look(replace(self._view, directions=not self._view.directions))

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

        self.push_screen(ColumnChooser(TITLES[group].lower(), columns), take)

    def _remember_columns(self) -> None:
        complaint = self._columns.save()
        if complaint:
            self.call_from_thread(self.notice, complaint)

    def action_names(self) -> None:
        """Show names of hosts and services, or their numbers."""
        self._naming.on = not self._naming.on
        self.notice("names: reverse DNS and services" if self._naming.on else "numbers")
        self.draw()

    def action_ended(self) -> None:
        """Show ended flows too, or live ones only."""
        self._look(replace(self._view, ended=not self._view.ended))

    def action_units(self) -> None:
        """Rates in bytes, or in bits."""
        self._in_bytes = not self._in_bytes
        self.draw()

    def action_pause(self) -> None:
        """Hold the screen, or show the present again."""
        if self.playback.live and self._failure is None:
            self.playback.hold()
            self.draw()
        else:
            self.playback.release()
            self._present()

    def action_step(self, frames: int) -> None:
        """Show the moment before or after."""
        self._moved(self.playback.step(frames), frames)

    def action_jump(self, seconds: int) -> None:
        """Show a moment so many seconds before or after."""
        self._moved(self.playback.jump(seconds), seconds)

    def _moved(self, moved: bool, direction: int) -> None:
        if moved:
            self._present()
        else:
            self.notice("nothing earlier is kept" if direction < 0 else "this is the present")

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

    def action_interface(self) -> None:
        """Choose another interface to watch."""
        if self._switch is None:
            self.notice("this screen cannot change what it watches")
        elif len(self.screen_stack) == 1:
            self.push_screen(InterfaceScreen(self._interfaces, self._switch), self._switched)

    def _switched(self, name: str | None) -> None:
        if name is None:
            return
        self._zero, self._failure = None, None
        self._watch.forget()
        self._opened_at = self._clock()
        self.playback.release()
        self.poller.resume()
        self.notice(f"watching {name}")

    def action_zero(self) -> None:
        """Count from here, on the screen only."""
        frame = self.playback.shown
        if frame is not None:
            self._zero = frame.snapshot
            key = self._key("unzero")
            self.notice(f"counters are shown from here on; {key} shows them from the start again")
            self.draw()

    def action_unzero(self) -> None:
        """Show the counters from the start of the capture again."""
        self._zero = None
        self.draw()

    def _key(self, setting: str) -> str:
        return shown(self._settings.screen.keys, setting)

    def notice(self, text: str) -> None:
        """Say on the last line what a key has brought about."""
        for footer in self.screen.query(FooterLine) or self.screen_stack[0].query(FooterLine):
            footer.notice(text)

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
        """Filter by the selected row."""
        row = self.query_one(FlowTable).selected
        if row is None:
            self.notice("no row is selected (the arrows select one)")
        elif self._view.group == "flow" or row.source or row.protocol or row.vlan:
            expression = row_expression(row, self._view.group, self._view.directions)
            self._look(replace(self._view, group="flow", filter=expression), at_once=True)

    def _filter_by(self, text: str) -> None:
        if text != self._view.filter:
            self._look(replace(self._view, filter=text), at_once=True)

    @on(FilterPrompt.Told)
    def _filter_told(self, message: FilterPrompt.Told) -> None:
        self._filter_by(message.text)

    @on(FilterPrompt.Closed)
    def _filter_closed(self, message: FilterPrompt.Closed) -> None:
        self.query_one(FlowTable).focus()

    def action_detail(self) -> None:
        """Show the selected flow in full."""
        flow, frame = self.query_one(FlowTable).selected, self.playback.shown
        if flow is None or frame is None:
            self.notice("no flow is selected (↓ selects one)")
        elif self._view.group != "flow":
            self.notice(f"this row is many flows, added up by {self._view.group}; the detail is of one flow")
        elif len(self.screen_stack) == 1:
            self._pinned = self._seen_now(Pinned(flow, (), frame.snapshot.taken_at), frame.snapshot)
            self.push_screen(DetailScreen(), self._detail_closed)
            self.call_after_refresh(self._detail_opened)

    def _detail_opened(self) -> None:
        self._arrange(self.size.width, self.size.height)
        self.draw()

    def _detail_closed(self, _: None) -> None:
        self._pinned = None
        self.draw()

    def action_help(self) -> None:
        """Show the keys."""
        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        elif not isinstance(self.screen, ModalScreen):
            self.push_screen(HelpScreen(self._settings.screen.keys))

    def action_next_theme(self) -> None:
        """Take the next theme."""
        self.theme = following(self.theme)
        self.notice(f"theme {self.theme}")

    def action_export(self) -> None:
        """Ask what goes where; or watch the export that is under way."""
        if self._shown is None:
            self.notice("nothing to export yet")
        elif len(self.screen_stack) == 1:
            job = None if self._job is None or self._job.over else self._job
            self.push_screen(ExportDialog(self._shown, self._start_export, job, self._now()), self._dialog_left)

    def action_picture(self) -> None:
        """Write a picture of the screen into the working directory."""
        if len(self.screen_stack) == 1:
            self._take_picture(ExportOrder(Path.cwd() / f"xtop-{self._now():%Y%m%d-%H%M%S}.svg", PICTURE))

    def action_packets(self) -> None:
        """Write the selected flow's packets to a file, or end that."""
        if self._packets is not None and not self._packets.over:
            self._source.untap()
            return
        flow = self.query_one(FlowTable).selected
        why = no_packets(flow, self._shown, self._view, self._source)
        if why is not None:
            self.notice(why)
            return
        assert flow is not None
        assert self._shown is not None
        bounds, path = Bounds(), packets_path(flow, self._now())
        try:
            tap = self._source.tap(flow.key, bounds)
        except OSError as error:
            self.notice(f"the capture does not answer ({error.strerror or error})")
            return
        self._packets = FlowPackets(tap, path, self._shown.source.name, self._tell_packets, self._rewrite)
        self._packets.start()
        self.query_one(FooterLine).follow(self._packets_progress)

    def _packets_progress(self) -> str | None:
        if self._packets is None or self._packets.over:
            return None
        return f"{self._packets.packets:,} packets of the flow written · {self._key('packets')} ends it"

    def _tell_packets(self, packets: FlowPackets) -> None:
        self.post_message(PacketsEnded(packets))

    @on(PacketsEnded)
    def _packets_ended(self, message: PacketsEnded) -> None:
        packets = message.packets
        path = str(packets.path) if packets.kept else ""
        self.screen_stack[0].query_one(FooterLine).notice(packets.outcome(), path)

    def _dialog_left(self, order: ExportOrder | None) -> None:
        if order is not None:
            self.call_after_refresh(self._take_picture, order)  # without the dialog on it
        elif self._job is not None and not self._job.over:
            self.query_one(FooterLine).follow(self._progress)

    def _progress(self) -> str | None:
        if self._job is None or self._job.over:
            return None
        return f"export {self._job.progress(16)} · {self._key('export')} watches it"

    def _take_picture(self, order: ExportOrder) -> None:
        self._job = picture_job(order, self.export_screenshot(), self._tell_export)
        self._job.start()

    def _start_export(self, order: ExportOrder) -> ExportJob:
        assert self._shown is not None
        self._job = flows_job(order, self._shown, self._view, self.poller, self._write, self._tell_export)
        self._job.start()
        return self._job

    def _tell_export(self, job: ExportJob) -> None:
        self.post_message(ExportEnded(job))

    @on(ExportEnded)
    def _export_ended(self, message: ExportEnded) -> None:
        """Say in the dialog why not, and on the last line where it went."""
        dialog, job = self.screen, message.job
        if isinstance(dialog, ExportDialog):
            if dialog.ended(job):
                return
            if job.well:
                dialog.dismiss(None)
        if job.well:
            self.screen_stack[0].query_one(FooterLine).notice(job.outcome(), str(job.order.path))
        else:
            self.notice(job.outcome())
