# SPDX-License-Identifier: BSD-2-Clause
"""The filters that were kept with Enter, newest last, from one run to the next.

Best effort: where the file cannot be read or written, the filters of this run are all there are. Loading and saving
block and belong on a thread.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from xtop.home import own_directory
from xtop.ownership import write_at_home

MOST_FILTERS = 200
MOST_BYTES = 1 << 18


def state_directory() -> Path:
    """Return where what xtop remembers of this user lies (XDG base directories)."""
    return own_directory("XDG_STATE_HOME", ".local/state")


class FilterHistory:
    """The list, and the place in it while somebody leafs through; without ``path`` nothing outlives the run."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._filters: list[str] = []
        self._at = 0
        self._draft = ""

    def load(self) -> None:
        """Take what the file has, before what was kept since the start."""
        self._filters = _bounded([*self._stored(), *self._filters])
        self.begin("")

    def keep(self, text: str) -> None:
        """Make ``text`` the newest; one that was there moves up."""
        if text.strip():
            self._filters = _bounded([*self._filters, " ".join(text.split())])

    def save(self) -> None:
        """Write the file, whole or not at all, together with what another xtop has put there since."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            lines = _bounded([*self._stored(), *self._filters])
            write_at_home(self._path, "".join(f"{line}\n" for line in lines))

    def begin(self, draft: str) -> None:
        """Stand behind the newest, with ``draft`` in hand."""
        self._at, self._draft = len(self._filters), draft

    def leaf(self, steps: int, text: str) -> str:
        """Return the filter ``steps`` further (-1: older); ``text`` is what stands there now."""
        if self._at == len(self._filters):
            self._draft = text
        self._at = max(0, min(len(self._filters), self._at + steps))
        return self._filters[self._at] if self._at < len(self._filters) else self._draft

    def _stored(self) -> list[str]:
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as stream:
                lines = stream.read(MOST_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if line.strip() and line.isprintable()]


def _bounded(filters: list[str]) -> list[str]:
    """Return each filter once, where it stands last, and the newest of them only."""
    return list(dict.fromkeys(reversed(filters)))[MOST_FILTERS - 1 :: -1]
