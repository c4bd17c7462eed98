# SPDX-License-Identifier: BSD-2-Clause
"""One export at work on a thread of its own, watched and called off by the screen.

The figures are plain attributes that the thread writes and the screen reads; nobody waits for anybody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xtop.model import Snapshot
from xtop.path_text import fitted_path

Progress = Callable[[int], object]
Write = Callable[[Snapshot, Path, str, bool, Progress], object]  # snapshot, path, format, overwrite, progress

PICTURE = "svg"
NAMED_CELLS = 24  # of a path within a sentence
INCLUDE = ("shown", "live", "ended", "all")


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What the user asked for: ``format`` is a writer's name or ``svg``, ``include`` one of :data:`INCLUDE`."""

    path: Path
    format: str
    include: str = "shown"
    overwrite: bool = False


class CalledOff(Exception):
    """The user does not want it any more."""


class ExportJob:
    """Takes a snapshot, writes it, tells ``ended`` (from its own thread)."""

    def __init__(self, order: ExportOrder, work: Callable[[ExportJob], object], ended: Callable[[ExportJob], object]):
        self.order = order
        self.written = 0
        self.total = 0  # flows that are to be written; 0 = not known yet
        self.there_are = 0  # flows that these are of
        self.failure: str | None = None
        self.called_off = False
        self.over = False
        self._work = work
        self._ended = ended
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call_off(self, patience: float = 0.0) -> None:
        """Ask it to end and to leave nothing; wait up to ``patience`` seconds until it did."""
        self.called_off = True
        if patience and self._thread.is_alive():
            self._thread.join(patience)

    def heard(self, written: int) -> None:
        """Take note of progress (on the thread); ends the work that was called off."""
        self.written = written
        if self.called_off:
            raise CalledOff

    def _run(self) -> None:
        try:
            self._work(self)
            self.called_off = False  # too late: it is there
        except CalledOff:
            pass
        except Exception as error:  # whatever a writer does, the screen stays
            self.failure = str(error) or type(error).__name__
        self.over = True
        self._ended(self)

    def outcome(self) -> str:
        """Return what became of it, in one line; where it is well, the path comes after it."""
        if self.called_off:
            return "export called off: nothing was written"
        if self.failure is not None:
            path = str(self.order.path)  # a line must hold the reason, too
            return f"✖ {self.failure.replace(path, fitted_path(path, NAMED_CELLS)).replace(', or --overwrite', '')}"
        if self.order.format == PICTURE:
            return "picture of the screen in"
        return f"exported {self.total:,} of {max(self.there_are, self.total):,} flows to"

    @property
    def well(self) -> bool:
        """Whether the file is there."""
        return self.over and self.failure is None and not self.called_off

    def progress(self, cells: int) -> str:
        """Return a bar of ``cells`` cells with figures."""
        if not self.total:
            return "taking the snapshot …"
        share = self.written / self.total
        full = int(share * cells)
        figures = f"{share:4.0%}  {self.written:,} of {self.total:,} flows"
        return f"{'▰' * full}{'▱' * (cells - full)} {figures}"
