# SPDX-License-Identifier: BSD-2-Clause
"""The files of a store, each an hour or an eighth of all, in a directory that one xtop writes at a time.

A file is named by its first moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from xtop.export.times import NANOSECONDS
from xtop.source import SourceError
from xtop.store.fields import EPOCH, Damaged
from xtop.store.member import HEADER_SIZE, Header, header_of

SUFFIX = ".ndjson.gz"
_NAME = re.compile(r"xtop-\d{8}T\d{6}Z(-\d+)?\.ndjson\.gz")


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a moment lies."""

    header: Header
    path: Path
    offset: int


def file_name(taken_at: int, number: int = 0) -> str:
    """Return the name of a file whose first moment is ``taken_at``; ``number`` tells those of one second apart."""
    moment = EPOCH + timedelta(seconds=taken_at // NANOSECONDS)
    return f"xtop-{moment:%Y%m%dT%H%M%S}Z" + (f"-{number}" if number else "") + SUFFIX


def files_of(directory: Path) -> list[Path]:
    """Return the store's own files, earliest first (OSError)."""
    return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name) and path.is_file())


def entries_of(path: Path) -> tuple[list[Entry], str]:
    """Return the moments of a file in its order, and one clause on where it is damaged, empty where it is not."""
    entries: list[Entry] = []
    with path.open("rb") as stream:
        end, offset = stream.seek(0, 2), 0
        while offset < end:
            stream.seek(offset)
            try:
                header = header_of(stream.read(HEADER_SIZE))
                if offset + header.size > end:
                    raise Damaged("a moment breaks off")
            except Damaged as error:
                return entries, f"{path.name}: {error} at byte {offset:,} of {end:,}"
            entries.append(Entry(header, path, offset))
            offset += header.size
    return entries, ""


def open_store(path: Path) -> tuple[list[Entry], str]:
    """Return all moments below ``path``, a store or one file of it, by time, and what is damaged, a clause or nothing.

    Raises SourceError where there is none.
    """
    try:
        paths = files_of(path) if path.is_dir() else [path]
        found = [entries_of(one) for one in paths]
    except OSError as error:
        raise SourceError(f"cannot read {path} ({error.strerror}; give a directory that --store wrote)", 2) from None
    entries = sorted((entry for entries, _ in found for entry in entries), key=lambda entry: entry.header.taken_at)
    damage = [clause for _, clause in found if clause]
    if not entries:
        why = damage[0] if damage else "no xtop-*.ndjson.gz is in it"
        raise SourceError(f"no moment in {path} ({why}; xtop record --store DIR writes some)", 1 if damage else 2)
    others = f" (and {len(damage) - 1} more files)" if len(damage) > 1 else ""
    return entries, damage[0] + others if damage else ""
