# SPDX-License-Identifier: BSD-2-Clause
"""The thread that asks a source for snapshots, so that the screen never waits for one.

One snapshot is under way at a time. The next is taken only after the screen has taken the last: a slow terminal gets
fewer frames, never a queue of old ones; rates are over the time that really passed. When the capture has ended, the
source is asked again only if the view changes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from time import monotonic

from textual.message import Message

from xtop.messages import SnapshotTaken, SourceFailed
from xtop.model import CaptureState, Snapshot, View
from xtop.source import SnapshotSource, SourceError

FINAL = (CaptureState.DONE, CaptureState.FAILED)
SOON_S = 2.0  # who wants all flows waits no longer than this for the next turn


class Poller:
    """Takes a snapshot every ``interval`` seconds and hands it to ``deliver``, on the poller's own thread."""

    def __init__(
        self, source: SnapshotSource, view: View, interval: float, deliver: Callable[[Message], object]
    ) -> None:
        self._source = source
        self._view = view
        self._interval = interval
        self._deliver = deliver
        self._stopping = False
        self._final = False
        self._between = False  # a view waits to be seen before the interval is over
        self._wake = threading.Event()
        self._taken = threading.Event()
        self._taken.set()
        self._wholes: deque[tuple[View, Future[Snapshot]]] = deque()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self) -> None:
        """Begin; the first snapshot is taken at once."""
        self._thread.start()

    def resume(self) -> None:
        """Take a snapshot now, of a source that has changed: go on polling where the one before had ended or failed."""
        self._final = False
        if self._stopping:
            return
        if not self._thread.is_alive():
            self._taken.set()
            self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
            self._thread.start()
        self.hurry()

    def look(self, view: View, at_once: bool = False) -> bool:
        """Ask for ``view`` from the next snapshot on; at once if the capture has ended.

        ``at_once`` asks between two intervals: rates stay those of the last, which goes on. True: it comes now.
        """
        self._view = view
        if at_once and not self._final:
            self._between = True
            self._wake.set()
        elif self._final:
            self.hurry()
        return at_once and self._thread.is_alive()

    def whole(self, view: View) -> Future[Snapshot]:
        """Ask for ``view`` (all rows) once, in the next turn; the screen gets the first rows of the same snapshot.

        So the source is asked no more often than before, and the rates that it reckons stay right.
        """
        coming: Future[Snapshot] = Future()
        self._wholes.append((view, coming))
        if not self._thread.is_alive():
            self._give_up(SourceError("there is nothing more to be had from the source"))
        elif self._final or self._interval > SOON_S:
            self.hurry()
        return coming

    def hurry(self) -> None:
        """Take the next snapshot now."""
        self._wake.set()

    def taken(self) -> None:
        """Say that the last snapshot has been seen to."""
        self._taken.set()
        if self._between:
            self._wake.set()

    @property
    def hurried(self) -> bool:
        """Whether a view waits to be seen before the interval is over."""
        return self._between and not self._final and self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether no snapshot is under way or waits to be seen to."""
        return self._taken.is_set()

    def stop(self, patience: float = 1.0) -> None:
        """Take no more; wait up to ``patience`` seconds for a snapshot that is under way. Idempotent."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(patience)

    def _run(self) -> None:
        due = monotonic()
        while not self._stopping:
            between = self._between and not self._wholes and monotonic() < due
            if self._taken.is_set():
                self._between = self._between and bool(self._wholes)
                if not self._poll(between):
                    self._give_up(SourceError("there is nothing more to be had from the source"))
                    return
            if not between:
                due = max(due + self._interval, monotonic())
            self._wake.wait(None if self._final else max(0.0, due - monotonic()))
            if self._wake.is_set():
                self._wake.clear()
                due = due if self._between else monotonic()

    def _poll(self, between: bool) -> bool:
        """Deliver one snapshot, or why there is none; False: it was the last."""
        view = self._view
        asked = self._wholes.popleft() if self._wholes else None
        self._taken.clear()
        try:
            if asked is None:
                snapshot = self._source.snapshot(replace(view, between=between))
            else:
                between, view, snapshot = False, asked[0], self._whole_snapshot(*asked)
        except SourceError as error:
            self._deliver(SourceFailed(str(error), error.exit_code))
            return False
        except Exception as error:  # a dead thread would leave a screen that looks alive
            self._deliver(SourceFailed(f"fault of xtop: {type(error).__name__}: {error}"))
            return False
        self._final = snapshot.state in FINAL
        self._deliver(SnapshotTaken(snapshot, view, between))
        return True

    def _whole_snapshot(self, view: View, coming: Future[Snapshot]) -> Snapshot:
        """Give a whole snapshot to who asked for it, and return what the screen needs of it."""
        try:
            snapshot = self._source.snapshot(view)
        except BaseException as error:
            coming.set_exception(error)
            raise
        coming.set_result(snapshot)
        return replace(snapshot, flows=tuple(snapshot.flows[: self._view.top or None]))

    def _give_up(self, error: SourceError) -> None:
        while self._wholes:
            self._wholes.popleft()[1].set_exception(error)
