# SPDX-License-Identifier: BSD-2-Clause
"""Paths as they are typed and shown: completed by what lies on the disk, and shortened so that their end stays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HEAD_SHARE = 1 / 4  # of the room: a path's end tells more than its beginning


@dataclass(frozen=True, slots=True)
class Completion:
    """What the typed text becomes, and the names that it could go on to be where that is not certain."""

    text: str
    names: tuple[str, ...] = ()


def absolute(text: str) -> Path:
    """Return the path that ``text`` means: ``~`` is the user's home, what is relative begins here."""
    text = text.strip()
    return Path(os.path.abspath(os.path.expanduser(text)))


def complete(text: str) -> Completion:
    """Return ``text`` completed as far as it is certain.

    A directory ends with a slash. Hidden names are offered to who has typed the dot; names that no terminal can show
    are not offered.
    """
    if text == "~":
        return Completion("~/")
    directory, slash, begun = text.rpartition("/")
    try:
        names = _names(absolute(directory + slash) if slash else Path.cwd(), begun)
    except OSError:
        return Completion(text)
    certain = os.path.commonprefix(names)
    return Completion(directory + slash + certain if names else text, () if len(names) == 1 else tuple(names))


def fitted_path(path: str, width: int) -> str:
    """Return ``path`` in at most ``width`` cells, shortened in its middle; its end is what stays longest."""
    if len(path) <= width:
        return path
    head = min(int(width * HEAD_SHARE), max(0, width - 1 - len(os.path.basename(path)) - 1))
    tail = max(0, width - 1 - head)
    return f"{path[:head]}…{path[len(path) - tail :]}"[: max(0, width)]


def file_end(path: str, width: int) -> str:
    """Return ``path`` in at most ``width`` cells: the file's name and as many of its directories as fit whole."""
    if len(path) <= width:
        return path
    parts = path.split("/")
    for begin in range(1, len(parts)):
        end = "/".join(["…", *parts[begin:]])
        if len(end) <= width:
            return end
    name = parts[-1]
    return name if len(name) <= width else f"{name[: max(0, width - 1)]}…"[:width]


def _names(directory: Path, begun: str) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(
            entry.name + "/" * _is_directory(entry)
            for entry in entries
            if entry.name.startswith(begun)
            and entry.name.isprintable()
            and (begun.startswith(".") or not entry.name.startswith("."))
        )


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that turns in a circle
        return False
