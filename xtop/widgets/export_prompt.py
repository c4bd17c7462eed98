# SPDX-License-Identifier: BSD-2-Clause
"""Asks where a snapshot goes; the file's suffix is its format. A refusal is said in one line, and the path stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from xtop.ink import printable
from xtop.model import Snapshot

FORMATS: dict[str, str] = {".json": "json", ".csv": "csv", ".txt": "text"}
HINT = "format by suffix: .json  .csv  .txt    Enter writes, Esc leaves"

Export = Callable[[Snapshot, Path], None]


def export_format(path: Path) -> str:
    """Return the format that ``path`` asks for (ValueError: none that xtop writes)."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"{path.suffix or 'no suffix'}: not one of {' '.join(FORMATS)}") from None


def default_path(now: datetime) -> str:
    """Return the name that is offered."""
    return f"xtop-{now:%Y%m%d-%H%M%S}.json"


def attempt(export: Export, snapshot: Snapshot, text: str) -> tuple[Path | None, str]:
    """Write ``snapshot`` to the path ``text``; return where it is, or None and why it is nowhere."""
    path = Path(text.strip()).expanduser()
    if not text.strip():
        return None, "no path given"
    try:
        export_format(path)
        if path.exists():
            return None, f"{path} exists, and is left as it is: choose another name"
        export(snapshot, path)
    except FileExistsError:
        return None, f"{path} exists, and is left as it is: choose another name"
    except OSError as error:
        return None, f"cannot write {path}: {error.strerror or error}"
    except Exception as error:  # whatever a writer does, the screen stays
        return None, f"cannot write {path}: {str(error) or type(error).__name__}"
    return path.absolute(), ""


class ExportPrompt(ModalScreen[Path | None]):
    """Returns the path that was written, or None."""

    BINDINGS = [Binding("escape", "leave", "leave")]

    def __init__(self, snapshot: Snapshot, export: Export, now: datetime) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._export = export
        self._offered = default_path(now)
        self._writing = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(id="export") as box:
            box.border_title = "Export this snapshot to"
            yield Input(self._offered, id="path")
            yield Static(HINT, id="said", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write, on a thread: a slow disk must not hold the screen."""
        if self._writing:
            return
        self._writing = True
        self.say("writing …")
        self.run_worker(partial(self._write, event.value), thread=True, exit_on_error=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take back what was said of the last path."""
        if not self._writing:
            self.say(HINT)

    def action_leave(self) -> None:
        """Leave without writing."""
        self.dismiss(None)

    def say(self, text: str, alarming: bool = False) -> None:
        """Show one line below the path."""
        said = self.query_one("#said", Static)
        said.update(printable(text))
        said.set_class(alarming, "-alarming")

    def _write(self, text: str) -> None:
        path, why = attempt(self._export, self._snapshot, text)
        self.app.call_from_thread(self._written, path, why)

    def _written(self, path: Path | None, why: str) -> None:
        self._writing = False
        if not self.is_current:
            return
        if path is None:
            self.say(f"✖ {why}", alarming=True)
        else:
            self.dismiss(path)
