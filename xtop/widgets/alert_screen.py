# SPDX-License-Identifier: BSD-2-Clause
"""The log of alerts, the newest first, and what the source noted of itself, over the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from textual.app import ComposeResult

from xtop.alerts import Alert
from xtop.ink import Ink, Line, printable
from xtop.keymap import Keymap, shown
from xtop.picture import Picture, local_time, remarks, troubles
from xtop.widgets.key_bindings import again
from xtop.widgets.line_panel import LinePanel
from xtop.widgets.window import ScrollBox, Window

NONE_YET = "Nothing so far."
OFF = "Alerts are off."


def alert_lines(alerts: Sequence[Alert], on: bool, width: int) -> list[Line]:
    """Return the log; what is longer than a line goes on below."""
    lines: list[Line] = []
    if not on:
        lines.append([(OFF, "accent")])
    elif not alerts:
        lines.append([(NONE_YET, "dim")])
    for alert in reversed(alerts):
        ink: Ink = "loss" if alert.kind == "loss" else "base"
        head = f"{local_time(alert.at)}  {alert.kind:<11}"
        rows = wrap(printable(alert.text), max(10, width - len(head))) or [""]
        lines += [[(head if at == 0 else " " * len(head), "dim"), (row, ink)] for at, row in enumerate(rows)]
    return lines


def note_lines(noted: Sequence[str], width: int) -> list[Line]:
    """Return what the source noted of itself, below a blank line."""
    lines: list[Line] = [[]] if noted else []
    for remark in noted:
        rows = wrap(printable(remark), max(10, width - 2)) or [""]
        lines += [[("※ " if at == 0 else "  ", "dim"), (row, "base")] for at, row in enumerate(rows)]
    return lines


class AlertPage(LinePanel):
    """The lines of the log."""

    def __init__(self, log: Callable[[], Sequence[Alert]]) -> None:
        super().__init__()
        self._log = log

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the lines."""
        source = None if picture.snapshot is None else picture.snapshot.source
        noted = () if source is None else (*troubles(source), *remarks(source))
        return alert_lines(tuple(self._log()), picture.alerts.on, width) + note_lines(noted, width)

    def repaint(self) -> None:
        """Be as high as the log is long."""
        if self.size.width:
            self.styles.height = max(1, len(self.lines(self.picture, self.size.width, 0)))
        super().repaint()


class AlertScreen(Window[None]):
    """Shows ``log``; ``switch`` turns alerts on or off."""

    BINDINGS = [again("alert_log"), again("alerts", "switch")]

    def __init__(self, log: Callable[[], Sequence[Alert]], switch: Callable[[], object], keymap: Keymap) -> None:
        super().__init__()
        self._log, self._switch, self._keymap = log, switch, keymap

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with ScrollBox(id="alerts") as box:
            box.border_title = "Alerts"
            switch, close = (shown(self._keymap, name) for name in ("alerts", "window_close"))
            box.border_subtitle = f"{switch} on or off · {close} closes"
            yield AlertPage(self._log)

    def action_switch(self) -> None:
        """Turn alerts on or off."""
        self._switch()
