# SPDX-License-Identifier: BSD-2-Clause
"""Which moments of a running capture go into a store: one every interval, each with the flows of the greatest rates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xtop.frame_chain import ROWS
from xtop.model import Snapshot, View
from xtop.source import SnapshotSource, SourceError
from xtop.store.writer import StoreWriter

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer  # imports what only this needs

STORED = View(top=ROWS, sort="bps")


class Keeper:
    """Looks every ``interval`` seconds and writes what it saw; with ``anonymizer``, under its addresses."""

    def __init__(self, writer: StoreWriter, interval: float, anonymizer: Anonymizer | None) -> None:
        self.writer = writer
        self._interval = interval
        self._anonymizer = anonymizer
        self._next = time.monotonic() + interval

    def due(self, now: float) -> bool:
        """Whether an interval is over."""
        return now >= self._next

    def keep(self, source: SnapshotSource) -> Snapshot:
        """Look, write, and return what was seen."""
        self._next = max(self._next + self._interval, time.monotonic())
        snapshot = source.snapshot(STORED)
        if self._anonymizer is None:
            self.writer.append(snapshot)
        else:
            from xtop.anonymized import anonymized

            self.writer.append(anonymized(snapshot, self._anonymizer))
        return snapshot

    def check(self) -> None:
        """Raise SourceError where not every moment is in the store."""
        if self.writer.trouble:
            kept = f"{self.writer.moments} moments are kept"
            raise SourceError(
                f"cannot write to {self.writer.directory} ({self.writer.trouble}, {kept}; free some space, or give less"
                " --store-size)",
                1,
            )

    def close(self) -> None:
        """Let go of the store."""
        self.writer.close()
