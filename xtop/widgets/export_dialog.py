# SPDX-License-Identifier: BSD-2-Clause
"""Asks what goes where, and watches over it. A refusal is said in one line, and what was typed stays."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from xtop.export_job import INCLUDE, PICTURE, ExportJob, ExportOrder
from xtop.ink import printable
from xtop.keymap import EXPORT_KEYS, Keymap, shown
from xtop.model import Snapshot, View
from xtop.path_text import absolute, fitted_path
from xtop.widgets.choice_line import ChoiceLine
from xtop.widgets.key_bindings import bindings
from xtop.widgets.path_input import PathInput

SUFFIXES = {
    "json": ".json", "ndjson": ".ndjson", "csv": ".csv", "text": ".txt", "parquet": ".parquet", "ipfix": ".ipfix",
    PICTURE: ".svg",
}  # fmt: skip
BAR_CELLS = 24
REFRESH_S = 0.1


def formats() -> list[str]:
    """Return the formats that this installation writes."""
    has_parquet = importlib.util.find_spec("pyarrow") is not None
    return [name for name in SUFFIXES if name != "parquet" or has_parquet]


def objection(path: Path) -> str | None:
    """Return why ``path`` cannot be written to, as far as a look tells; None: it can, or an old file is there."""
    if path.is_dir():
        return "a directory, name a file in it"
    if not path.parent.is_dir():
        return "there is no such directory"
    if path.exists() and not path.is_file():
        return "a device or a pipe, name a file"
    return None


def offers(snapshot: Snapshot, view: View, live: bool, flow_alone: bool) -> dict[str, str]:
    """Return what each of :data:`INCLUDE` is called, with the number where that is the file's.

    ``live``: ``snapshot`` is of the present. Of another moment there are the rows that are shown; all others are taken
    now. ``flow_alone``: what is shown is the one flow whose detail is open.
    """
    rows = f"{len(snapshot.flows):,}"
    first = "this flow" if flow_alone else f"{rows} shown" if view.group == "flow" else f"first {rows}"
    if not live:
        return {"shown": first, "live": "live now", "ended": "ended now", "all": "all now"}
    number = snapshot.rows_total if view.filter or view.directions else snapshot.totals.flows_live
    known = not view.ended or not (view.filter or view.directions)  # else ended ones are among the rows, too
    return {"shown": first, "live": f"{number:,} live" if known else "live", "ended": "ended", "all": "all"}


@dataclass(frozen=True, slots=True)
class Words:
    """What the dialog says of its keys."""

    hint: str
    asking: str
    watching: str

    @classmethod
    def of(cls, keymap: Keymap) -> Words:
        """Name the keys in force."""
        names = ("complete", "export_up", "export_down", "choice_left", "choice_right", "export_write", "export_leave")
        tab, up, down, left, right, write, leave = (shown(keymap, name) for name in names)
        off = shown(keymap, "call_off")
        return cls(
            f"{tab} completes · {up}{down} line · {left}{right} choice · {write} writes · {leave} leaves",
            f"exists: {write} replaces it, {leave} leaves it as it is",
            f"{off} calls it off · {leave} lets it go on in the background",
        )


class ExportDialog(ModalScreen[ExportOrder | None]):
    """Returns an order for a picture (which must not show the dialog), or None; other orders it gives to ``start``."""

    BINDINGS = bindings(tuple(key for key in EXPORT_KEYS if not key.action.startswith(("choose", "complete"))))

    def __init__(
        self,
        flows: Mapping[str, str],
        start: Callable[[ExportOrder], ExportJob],
        job: ExportJob | None,
        now: datetime,
        keymap: Keymap,
    ) -> None:
        """Offer ``flows``: what each of :data:`INCLUDE` is called (see :func:`offers`)."""
        super().__init__()
        self._flows = flows
        self._start = start
        self._job = job  # what is under way
        self._offered = f"xtop-{now:%Y%m%d-%H%M%S}.json"
        self._words = Words.of(keymap)
        self._asked: Path | None = None  # this file may be replaced, if Enter comes again

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(id="export") as box:
            box.border_title = "Export"
            with Horizontal():
                yield Static("Path", classes="label")
                yield PathInput(self._offered, id="path")
            with Horizontal():
                yield Static("Format", classes="label")
                yield ChoiceLine([(name, name) for name in formats()], "json", id="format")
            with Horizontal():
                yield Static("Flows", classes="label")
                yield ChoiceLine([(name, self._flows[name]) for name in INCLUDE], "shown", id="include")
            yield Static(self._words.hint, id="said", markup=False)

    def on_mount(self) -> None:
        """Type into the path at once, or watch what is under way."""
        self.query_one(PathInput).focus()
        self.set_interval(REFRESH_S, self._watch)
        self._watch()

    # ---- What is chosen

    @on(Input.Changed)
    def _typed(self) -> None:
        """Take back what was said of the last path; a suffix that is typed is a format that is chosen."""
        if self._job is not None:
            return
        self._asked = None
        self.say(self._words.hint)
        typed = Path(self.query_one(PathInput).value.strip()).suffix.lower()
        for name in formats():
            if SUFFIXES[name] == typed:
                self.query_one("#format", ChoiceLine).take(name)

    @on(ChoiceLine.Taken, "#format")
    def _format_taken(self, message: ChoiceLine.Taken) -> None:
        """Let the path end as its format does, if it ended as another format does."""
        path = self.query_one(PathInput)
        typed, suffix = Path(path.value.strip()), SUFFIXES[message.line.value]
        if typed.suffix.lower() in set(SUFFIXES.values()) - {suffix}:
            path.value = str(typed.with_suffix(suffix))
            path.cursor_position = len(path.value)
        self.query_one("#include").display = message.line.value != PICTURE

    @on(PathInput.Offered)
    def _offer(self, message: PathInput.Offered) -> None:
        """Show what Tab left open, as much as a line takes."""
        self.say("  ".join(message.names) or "nothing goes on like this" if message.names != () else self._words.hint)

    # ---- What is done

    def action_write(self) -> None:
        """Write, if nothing speaks against it; what a slow disk has to say is waited for on a thread."""
        if self._job is not None:
            return
        typed = self.query_one(PathInput).value
        if not typed.strip():
            self.say("✖ no path given", alarming=True)
            return
        self.run_worker(partial(self._look, absolute(typed)), thread=True, exclusive=True, exit_on_error=False)

    def _look(self, path: Path) -> None:
        try:
            why, exists = objection(path), path.exists()
        except (OSError, ValueError) as error:  # too long, or a loop of links
            why, exists = str(getattr(error, "strerror", None) or error), False
        self.app.call_from_thread(self._go, path, why, exists)

    def _go(self, path: Path, why: str | None, exists: bool) -> None:
        if self._job is not None:
            return
        if why is not None:
            self.say(f"✖ {why}: {fitted_path(str(path), self._room() - len(why) - 4)}", alarming=True)
            return
        if exists and self._asked != path:
            self._asked = path
            self.say(
                f"{fitted_path(str(path), self._room() - len(self._words.asking) - 1)} {self._words.asking}",
                alarming=True,
            )
            return
        format, include = (self.query_one(f"#{name}", ChoiceLine).value for name in ("format", "include"))
        order = ExportOrder(path, format, include, overwrite=exists)
        if format == PICTURE:
            self.dismiss(order)
        else:
            self._job = self._start(order)
            self._watch()

    def ended(self, job: ExportJob) -> bool:
        """Take the end of a job; False: it is not this dialog's to tell."""
        if job is not self._job:
            return False
        if job.well:
            return False  # the line below tells; the dialog goes
        self._job = None
        self._watch()
        self.say(job.outcome(), alarming=True)
        return True

    def action_call_off(self) -> None:
        """Call the export off."""
        if self._job is not None:
            self._job.call_off()

    def action_leave(self) -> None:
        """Take the question back, or leave: without writing, or while it goes on."""
        if self._asked is not None and self._job is None:
            self._asked = None
            self.say(self._words.hint)
        else:
            self.dismiss(None)

    # ---- What is said

    def say(self, *lines: str, alarming: bool = False) -> None:
        """Show a line or two below the choices."""
        said = self.query_one("#said", Static)
        said.update("\n".join(printable(line) for line in lines))
        said.set_class(alarming, "-alarming")

    def _watch(self) -> None:
        at_work = self._job is not None and not self._job.over
        for line in self.query("PathInput, ChoiceLine"):
            line.disabled = at_work
        if self._job is not None and at_work:
            self.say(self._job.progress(BAR_CELLS), self._words.watching)

    def _room(self) -> int:
        return max(20, self.query_one("#said").size.width)
