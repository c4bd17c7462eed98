# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots as files: one module a format, one table of them. A format is imported when it is written."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from xtop.export.errors import ExportError
from xtop.export.output_file import check_output, open_output
from xtop.export.row_chunks import Progress, unheard
from xtop.model import Snapshot

__all__ = ["ExportError", "check_output", "check_parquet", "format_of", "open_output", "write_snapshot", "writer_of"]


class Writer(Protocol):
    """Writes a snapshot in one format."""

    def __call__(self, snapshot: Snapshot, stream: BinaryIO, progress: Progress = ..., /) -> None:
        """Write ``snapshot``; ``progress`` hears now and then how many flows are written, and may raise to end it."""


# Each format's module; the function that writes it is write_FORMAT.
WRITERS = {
    "json": "xtop.export.json_format",
    "ndjson": "xtop.export.json_format",
    "csv": "xtop.export.csv_format",
    "text": "xtop.export.text_format",
    "parquet": "xtop.export.parquet_format",
    "ipfix": "xtop.export.ipfix_format",
}

_SUFFIXES = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".txt": "text",
    ".parquet": "parquet",
    ".ipfix": "ipfix",
}


def writer_of(format: str) -> Writer:
    """Return what writes ``format``."""
    return cast(Writer, getattr(import_module(WRITERS[format]), f"write_{format}"))


def check_parquet() -> None:
    """Raise ExportError where what Parquet needs is missing, before anything is captured."""
    from xtop.export import parquet_format

    parquet_format.check_parquet()


def write_snapshot(
    snapshot: Snapshot, path: Path | None, format: str, overwrite: bool, progress: Progress = unheard
) -> None:
    """Write ``snapshot`` to ``path`` (None or ``-`` = standard output), whole or not at all."""
    with open_output(path, overwrite) as stream:
        writer_of(format)(snapshot, stream, progress)


def format_of(path: Path | None) -> str:
    """Return the format that the suffix of ``path`` names; JSON where it names none, or is none (standard output)."""
    return "json" if path is None else _SUFFIXES.get(path.suffix.lower(), "json")
