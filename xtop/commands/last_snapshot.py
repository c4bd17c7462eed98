# SPDX-License-Identifier: BSD-2-Clause
"""What a screen leaves behind where ``-o`` asks for it: the last snapshot of what it showed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xtop.export import check_output, check_parquet, format_of, write_snapshot
from xtop.model import Snapshot, View
from xtop.source import SnapshotSource

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer  # imports what only this needs


class LastSnapshot:
    """Made of parsed ``options`` before anything is captured: ExportError where the file cannot be written."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._path = None if options.output is None else Path(options.output)
        self._overwrite = bool(options.overwrite)
        self._directions = bool(options.uniflow)
        check_output(self._path, self._overwrite)
        self._format: str = options.format or format_of(self._path)
        if self._path is not None and self._format == "parquet":
            check_parquet()
        self._snapshot: Snapshot | None = None

    def take(self, source: SnapshotSource) -> None:
        """Stop ``source``, so that the snapshot is that of the end, and look at it, if anybody asked for that."""
        if self._path is not None:
            source.stop()
            self._snapshot = source.snapshot(View(ended=True, directions=self._directions))

    def write(self, anonymizer: Anonymizer | None) -> None:
        """Write what was taken, under the addresses of ``anonymizer``."""
        if self._path is None or self._snapshot is None:
            return
        if anonymizer is not None:
            from xtop.anonymized import anonymized

            self._snapshot = anonymized(self._snapshot, anonymizer)
        write_snapshot(self._snapshot, self._path, self._format, self._overwrite)
