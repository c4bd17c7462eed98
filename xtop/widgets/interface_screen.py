# SPDX-License-Identifier: BSD-2-Clause
"""Chooses another interface. The capture that runs goes on until the new one has started."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from xtop.ink import printable
from xtop.interface import Interface
from xtop.keymap import LINKS_KEYS, Keymap, shown
from xtop.source import SourceError
from xtop.widgets.key_bindings import again, bindings
from xtop.widgets.window import Window

ListInterfaces = Callable[[], list[Interface]]
Switch = Callable[[str], None]  # starts a capture and shows it; raises SourceError, and then nothing has changed


def describe_interface(interface: Interface) -> str:
    """Return one line: name, driver, queues, whether it is up, and who it belongs to."""
    parts = [interface.driver or "-", f"{interface.rx_queues} queue{'s' if interface.rx_queues != 1 else ''}"]
    parts.append("down" if not interface.up else "up" if interface.carrier else "up, no carrier")
    if interface.loopback:
        parts.append("loopback")
    if interface.master:
        parts.append(f"port of {interface.master}")
    parts += interface.addresses[:2]
    return printable(f"{interface.name:<15} " + " · ".join(parts))


class Links(OptionList, inherit_bindings=False):
    """The list, which moves by the keys of the one table, and by no others."""


class InterfaceScreen(Window["str | None"]):
    """Returns the name of the interface that is watched now, or None where nothing changed."""

    BINDINGS = [*bindings(LINKS_KEYS), again("interface")]

    def __init__(self, interfaces: ListInterfaces, switch: Switch, keymap: Keymap) -> None:
        super().__init__()
        self._interfaces = interfaces
        self._switch = switch
        self._hint = f"{shown(keymap, 'watch')} watches it, {shown(keymap, 'window_close')} leaves"
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(id="interfaces") as box:
            box.border_title = "Watch another interface"
            yield Links(id="links", markup=False)
            yield Static("asking the kernel …", id="said", markup=False)

    def on_mount(self) -> None:
        """Ask for the list behind the screen's back."""
        self.run_worker(self._list, thread=True, exit_on_error=False)

    def action_close(self) -> None:
        """Leave all as it is."""
        if not self._busy:
            self.dismiss(None)

    def action_line(self, lines: int) -> None:
        """Move in the list, around its ends."""
        links = self.query_one(Links)
        links.action_cursor_down() if lines > 0 else links.action_cursor_up()

    def action_page(self, direction: int) -> None:
        """Move by a page."""
        links = self.query_one(Links)
        (links.action_page_down if direction > 0 else links.action_page_up)()  # type: ignore[no-untyped-call]

    def action_edge(self, direction: int) -> None:
        """Move to the last interface or to the first."""
        links = self.query_one(Links)
        links.action_last() if direction > 0 else links.action_first()

    def action_watch(self) -> None:
        """Take the interface under the cursor."""
        self.query_one(Links).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Start the capture; a driver that sets up its rings takes seconds, so on a thread."""
        if not self._busy and event.option.id is not None:
            self._busy = True
            name = event.option.id.removeprefix("link-")
            self.say(f"starting on {name} …")
            self.run_worker(partial(self._start, name), thread=True, exit_on_error=False)

    def say(self, text: str, alarming: bool = False) -> None:
        """Show one line below the list."""
        said = self.query_one("#said", Static)
        said.update(printable(text))
        said.set_class(alarming, "-alarming")

    def _list(self) -> None:
        try:
            found = self._interfaces()
        except (SourceError, OSError) as error:
            self.app.call_from_thread(self.say, f"✖ cannot list the interfaces ({error})", True)
            return
        self.app.call_from_thread(self._listed, found)

    def _listed(self, interfaces: list[Interface]) -> None:
        if self.is_current:
            options = [Option(describe_interface(link), id=f"link-{link.name}") for link in interfaces]
            self.query_one(Links).add_options(options)
            self.say(self._hint)
            self.query_one(Links).focus()

    def _start(self, name: str) -> None:
        try:
            self._switch(name)
        except (SourceError, OSError) as error:
            self.app.call_from_thread(self._refused, str(error))
        else:
            self.app.call_from_thread(self._started, name)

    def _refused(self, why: str) -> None:
        self._busy = False
        if self.is_current:
            self.say(f"✖ {why}", alarming=True)

    def _started(self, name: str) -> None:
        self._busy = False
        if self.is_current:
            self.dismiss(name)
