# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots as files: one module a format, one table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from xtop.export.csv_format import write_csv
from xtop.export.errors import ExportError
from xtop.export.json_format import write_json, write_ndjson
from xtop.export.output_file import check_output, open_output
from xtop.export.text_format import write_text
from xtop.model import Snapshot

__all__ = ["WRITERS", "ExportError", "check_output", "format_of", "open_output", "write_snapshot"]

WRITERS: Mapping[str, Callable[[Snapshot, TextIO], None]] = MappingProxyType(
    {"json": write_json, "ndjson": write_ndjson, "csv": write_csv, "text": write_text}
)

_SUFFIXES = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".txt": "text"}


def write_snapshot(snapshot: Snapshot, path: Path | None, format: str, overwrite: bool) -> None:
    """Write ``snapshot`` to ``path`` (None or ``-`` = standard output), whole or not at all."""
    with open_output(path, overwrite) as stream:
        WRITERS[format](snapshot, stream)


def format_of(path: Path) -> str:
    """Return the format that the suffix of ``path`` names; JSON where it names none."""
    return _SUFFIXES.get(path.suffix.lower(), "json")
