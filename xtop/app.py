# SPDX-License-Identifier: BSD-2-Clause
"""The screen: its regions, and what keys do to them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from time import monotonic

from rich.console import RenderableType
from textual.actions import ActionParseResult
from textual.app import ComposeResult, SystemCommand
from textual.containers import Container
from textual.dom import DOMNode
from textual.driver import Driver
from textual.screen import ModalScreen, Screen

from xtop.actions.alert import AlertActions
from xtop.actions.columns import ColumnActions
from xtop.actions.export import ExportActions
from xtop.actions.filter import FilterActions
from xtop.actions.moment import MomentActions
from xtop.actions.order import OrderActions
from xtop.actions.packets import PacketActions
from xtop.actions.panels import PanelActions
from xtop.actions.selection import SelectionActions
from xtop.column_choice import ColumnMemory
from xtop.export_job import Write
from xtop.exporting import write_file
from xtop.filter_history import FilterHistory
from xtop.flow_packets import Rewrite
from xtop.interfaces_apart import list_interfaces
from xtop.keymap import ALL_KEYS, KEYMAP, MOVES, OF_TABLE, TABLE, works
from xtop.model import View
from xtop.naming import Naming
from xtop.playback import Playback
from xtop.settings_file import Settings
from xtop.source import SnapshotSource
from xtop.terminal_driver import TerminalDriver
from xtop.themes import INK_DEFAULTS, MONO, following
from xtop.widgets.detail_screen import DetailScreen
from xtop.widgets.filter_prompt import FilterPrompt
from xtop.widgets.flow_table import FlowTable
from xtop.widgets.footer_line import FooterLine
from xtop.widgets.header_line import HeaderLine
from xtop.widgets.help_screen import HelpScreen
from xtop.widgets.histogram_panel import HistogramPanel
from xtop.widgets.interface_screen import InterfaceScreen, ListInterfaces, Switch
from xtop.widgets.key_bindings import bindings
from xtop.widgets.loss_panel import LossPanel
from xtop.widgets.protocol_panel import ProtocolPanel
from xtop.widgets.queue_panel import QueuePanel
from xtop.widgets.state_banner import StateBanner
from xtop.widgets.text_input import TextInput
from xtop.widgets.throughput import Throughput
from xtop.widgets.tiny_notice import TinyNotice


class XtopApp(
    AlertActions,
    ColumnActions,
    ExportActions,
    FilterActions,
    MomentActions,
    OrderActions,
    PacketActions,
    PanelActions,
    SelectionActions,
):
    """The live screen over ``source``, whose end begins when the screen is left; its owner closes it afterwards."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "xtop"
    BINDINGS = bindings(KEYMAP)

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
        playback: Playback | None = None,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Show ``source``, asked every ``interval`` seconds for ``view``; ``clock`` counts seconds, ``now`` dates.

        ``interval``, ``view`` and ``theme`` come before what ``settings`` say.
        """
        plain = bool(os.environ.pop("NO_COLOR", ""))  # `mono` sends no colour; the framework's way would send greys
        settings = settings or Settings()
        super().__init__(source, interval, view, settings, columns, naming, clock, playback)
        self._source, self._write, self._rewrite, self._now = source, write, rewrite, now
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self._switch, self._interfaces = switch, interfaces
        self._filter_history = filters or FilterHistory()
        self.register_theme(MONO)
        self.theme = "mono" if plain else theme or settings.screen.theme
        self.set_keymap(
            {
                key.setting: ",".join(key.keys)
                for key, usual in zip(settings.screen.keys, ALL_KEYS, strict=True)
                if key != usual
            }
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
                yield HistogramPanel("4 Inter-arrival", "Gaps", attrgetter("flow_interarrival"), id="gaps")
                yield ProtocolPanel(id="protocols")
            yield LossPanel(id="loss")
        yield FilterPrompt(self._filter_history, self._settings.screen.keys, id="filter")
        yield FooterLine(id="footer")
        yield TinyNotice(id="tiny")

    def get_driver_class(self) -> type[Driver]:
        """Return the driver that draws on standard output, unless TEXTUAL_DRIVER names another."""
        return super().get_driver_class() if os.environ.get("TEXTUAL_DRIVER") else TerminalDriver

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave. First of all the capture hears of it: its CPU is free then, and it ends while the screen does."""
        self._source.leave()
        super().exit(result, return_code, message)

    def leave_soon(self) -> None:
        """Leave; for a signal, which may come in the middle of whatever is done."""
        if self._running_loop is None:
            self.exit()
        else:
            self._running_loop.call_soon_threadsafe(self.exit)

    def on_load(self) -> None:
        """Know the loop before there is anything to leave."""
        self._running_loop = asyncio.get_running_loop()

    def let_terminal_go(self) -> None:
        """See to it that the terminal is given back, whatever ended the application; for when it has."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.let_go()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep keys that act on the table still while a flow's detail lies over it; a slash may be part of a filter."""
        if action == "filter" and isinstance(self.focused, TextInput):
            return False
        return works(action, parameters, detail_open=isinstance(self.screen, DetailScreen))

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key does; of a key that acts on the table say so where a flow's detail lies over that."""
        done = await super().run_action(action, default_namespace, namespaces)
        if not done and isinstance(self.screen, DetailScreen) and action in OF_TABLE:
            self.notice(f"this key acts on the table; {self._key('close')} leads back to it")
        return done

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return how inks are set where a theme does not say."""
        return INK_DEFAULTS

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the commands of the palette: what keys do, except to move, and each theme by its name."""
        for key in self._settings.screen.keys:
            if key.group not in TABLE or key.setting in MOVES:
                continue
            title, _, _ = (key.label or key.help).partition(";")
            yield SystemCommand(f"{title[0].upper()}{title[1:]}", f"{key.shown}: {key.help}", self._command(key.action))
        for theme in sorted(self.available_themes):
            yield SystemCommand(f"Theme {theme}", "t goes through a choice of them", partial(self._take_theme, theme))

    def _take_theme(self, theme: str) -> None:
        self.theme = theme

    def _command(self, action: str) -> Callable[[], object]:
        return lambda: self.run_action(action)

    def action_interface(self) -> None:
        """Choose another interface to watch."""
        if self._switch is None:
            self.notice("this screen cannot change what it watches")
        elif len(self.screen_stack) == 1:
            self.push_screen(
                InterfaceScreen(self._interfaces, self._switch, self._settings.screen.keys), self._switched
            )

    def _switched(self, name: str | None) -> None:
        if name is None:
            return
        self._zero, self._failure = None, None
        self._news.watch.forget()
        self._opened_at = self._clock()
        self.playback.release()
        self.poller.resume()
        self.notice(f"watching {name}")

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
