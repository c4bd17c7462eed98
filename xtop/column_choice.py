# SPDX-License-Identifier: BSD-2-Clause
"""Which columns the user wants to see, table by table, and where that is remembered.

The file is JSON, ``{"flow": ["bps", "pps"], "host": ["flows"]}``: for each table the columns after those that name its
rows, in order. A table that is not in it shows what fits, most important first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from xtop.arrangement import offer, scrolled_order
from xtop.columns import choosable
from xtop.home import own_directory
from xtop.ownership import write_at_home

Choice = Mapping[str, tuple[str, ...]]
NOTHING_CHOSEN: Choice = MappingProxyType({})


class ColumnFileError(Exception):
    """The file cannot be read, or says something that cannot be; ``str()`` is one line."""


def config_directory() -> Path:
    """Return where xtop's settings of this user lie (XDG base directories)."""
    return own_directory("XDG_CONFIG_HOME", ".config")


def read_choice(path: Path) -> Choice:
    """Return what ``path`` says, nothing where it is not there; raise ColumnFileError where it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return NOTHING_CHOSEN
    except (OSError, UnicodeDecodeError) as error:
        raise ColumnFileError(f"{path} cannot be read ({error}); showing the usual columns") from None
    try:
        return _checked(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ColumnFileError(f"{path} is not understood ({error}); showing the usual columns") from None


def _checked(read: object) -> Choice:
    if not isinstance(read, dict):
        raise ValueError("it is no table of columns")
    choice: dict[str, tuple[str, ...]] = {}
    for group, names in read.items():
        known = {column.name for column in choosable(group)}
        if not known:
            raise ValueError(f"'{group}' is no table")
        if not isinstance(names, list) or not names:
            raise ValueError(f"'{group}' needs a list of columns")
        for name in names:
            if name not in known:
                raise ValueError(f"'{group}' has no column '{name}'")
        choice[group] = tuple(dict.fromkeys(names))
    return choice


def write_choice(path: Path, choice: Choice) -> None:
    """Put ``choice`` into ``path``, whole or not at all (OSError)."""
    write_at_home(path, json.dumps({group: list(names) for group, names in choice.items()}, indent=1) + "\n")


class ColumnList:
    """The columns of one table in the order that is being made, some of them marked, one under the cursor."""

    def __init__(self, group: str, choice: tuple[str, ...] | None, width: int) -> None:
        """Begin with ``choice``, or with what ``width`` cells show where there is none."""
        self._group = group
        self._columns = {column.name: column for column in choosable(group)}
        usual = [column.name for column in scrolled_order(width, offer(group))]
        first = list(choice) if choice is not None else usual
        self.order = first + [name for name in self._columns if name not in first]
        self.marked = set(first)
        self.cursor = 0
        self._begun_with = (tuple(self.order), frozenset(self.marked))

    @property
    def chosen(self) -> tuple[str, ...]:
        """The marked columns in order; never none at all."""
        return tuple(name for name in self.order if name in self.marked) or (self.order[0],)

    @property
    def changed(self) -> bool:
        """Whether anything is other than at the start."""
        return (tuple(self.order), frozenset(self.marked)) != self._begun_with

    def entries(self) -> list[tuple[bool, str, str]]:
        """Return for each column whether it is marked, its header and what it is about."""
        return [(name in self.marked, self._columns[name].header, self._columns[name].about) for name in self.order]

    def move(self, steps: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(len(self.order) - 1, self.cursor + steps))

    def toggle(self) -> None:
        """Mark the column under the cursor, or mark it no more."""
        self.marked ^= {self.order[self.cursor]}

    def carry(self, steps: int) -> None:
        """Move the column under the cursor, and the cursor with it."""
        to = max(0, min(len(self.order) - 1, self.cursor + steps))
        self.order.insert(to, self.order.pop(self.cursor))
        self.cursor = to


class ColumnMemory:
    """The choice that is in force, and the file that outlives it; without ``path`` nothing is remembered.

    A table that the user's ``settings`` speak of begins as they say, whatever was chosen the last time.
    """

    def __init__(self, path: Path | None = None, settings: Choice = NOTHING_CHOSEN) -> None:
        """Take what the file says; where it is wrong, ``complaint`` says so and nothing is chosen."""
        self._path = path
        self._set = settings
        self.complaint = ""
        self.choice: Choice = NOTHING_CHOSEN
        if path is not None:
            try:
                self.choice = read_choice(path)
            except ColumnFileError as error:
                self.complaint = str(error)
        self._kept = self.choice  # what the file has
        self.choice = MappingProxyType({**self.choice, **settings})

    def outlives(self, group: str) -> bool:
        """Return whether a choice for ``group`` will be there the next time."""
        return group not in self._set

    def choose(self, group: str, names: tuple[str, ...]) -> None:
        """Let ``names`` be the columns of ``group``; none at all are the usual ones."""
        self.choice = _with(self.choice, group, names)
        if self.outlives(group):
            self._kept = _with(self._kept, group, names)

    def save(self) -> str:
        """Write the file; blocks. Return one line that says why not, or nothing."""
        if self._path is None:
            return ""
        try:
            write_choice(self._path, self._kept)
        except OSError as error:
            return f"columns are not remembered ({self._path}: {error.strerror})"
        return ""


def _with(choice: Choice, group: str, names: tuple[str, ...]) -> Choice:
    rest = {other: chosen for other, chosen in choice.items() if other != group}
    return MappingProxyType({**rest, group: names} if names else rest)
