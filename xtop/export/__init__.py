# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots as files: one module a format, one table of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Protocol

from xtop.export.csv_format import write_csv
from xtop.export.errors import ExportError
from xtop.export.ipfix_format import write_ipfix
from xtop.export.json_format import write_json, write_ndjson
from xtop.export.output_file import check_output, open_output
from xtop.export.parquet_format import check_parquet, write_parquet
from xtop.export.row_chunks import Progress, unheard
from xtop.export.text_format import write_text
from xtop.model import Snapshot

__all__ = ["WRITERS", "ExportError", "check_output", "check_parquet", "format_of", "open_output", "write_snapshot"]


class Writer(Protocol):
    """Writes a snapshot in one format."""

    def __call__(self, snapshot: Snapshot, stream: BinaryIO, progress: Progress = ..., /) -> None:
        """Write ``snapshot``; ``progress`` hears now and then how many flows are written, and may raise to end it."""


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        "json": write_json,
        "ndjson": write_ndjson,
        "csv": write_csv,
        "text": write_text,
        "parquet": write_parquet,
        "ipfix": write_ipfix,
    }
)

_SUFFIXES = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".txt": "text",
    ".parquet": "parquet",
    ".ipfix": "ipfix",
}


def write_snapshot(
    snapshot: Snapshot, path: Path | None, format: str, overwrite: bool, progress: Progress = unheard
) -> None:
    """Write ``snapshot`` to ``path`` (None or ``-`` = standard output), whole or not at all."""
    with open_output(path, overwrite) as stream:
        WRITERS[format](snapshot, stream, progress)


def format_of(path: Path) -> str:
    """Return the format that the suffix of ``path`` names; JSON where it names none."""
    return _SUFFIXES.get(path.suffix.lower(), "json")
