# SPDX-License-Identifier: BSD-2-Clause
"""The thread that asks a source for snapshots, so that the screen never waits for one.

One snapshot is under way at a time. The next is taken only after the screen has taken the last: a slow terminal gets
fewer frames, never a queue of old ones; rates are over the time that really passed. When the capture has ended, the
source is asked again only if the view changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from textual.message import Message

from xtop.messages import SnapshotTaken, SourceFailed
from xtop.model import CaptureState, View
from xtop.source import SnapshotSource, SourceError

FINAL = (CaptureState.DONE, CaptureState.FAILED)


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
        self._wake = threading.Event()
        self._taken = threading.Event()
        self._taken.set()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self) -> None:
        """Begin; the first snapshot is taken at once."""
        self._thread.start()

    def look(self, view: View) -> None:
        """Ask for ``view`` from the next snapshot on; at once if the capture has ended."""
        self._view = view
        if self._final:
            self.hurry()

    def hurry(self) -> None:
        """Take the next snapshot now."""
        self._wake.set()

    def taken(self) -> None:
        """Say that the last snapshot has been seen to."""
        self._taken.set()

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
            if self._taken.is_set() and not self._poll():
                return
            due = max(due + self._interval, monotonic())
            self._wake.wait(None if self._final else due - monotonic())
            if self._wake.is_set():
                self._wake.clear()
                due = monotonic()

    def _poll(self) -> bool:
        """Deliver one snapshot, or why there is none; False: it was the last."""
        view = self._view
        self._taken.clear()
        try:
            snapshot = self._source.snapshot(view)
        except SourceError as error:
            self._deliver(SourceFailed(str(error), error.exit_code))
            return False
        except Exception as error:  # a dead thread would leave a screen that looks alive
            self._deliver(SourceFailed(f"fault of xtop: {type(error).__name__}: {error}"))
            return False
        self._final = snapshot.state in FINAL
        self._deliver(SnapshotTaken(snapshot, view))
        return True
