# SPDX-License-Identifier: BSD-2-Clause
"""/proc and /sys as text, under a root that a test may set to a directory of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtop.number_list import parse_number_list

_NUMBER_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """The files by which the kernel tells of a machine. Paths are written from the root: "proc/stat"."""

    root: Path = Path("/")

    def text(self, path: str) -> str | None:
        """Return the content of ``path`` without the space around it; None where there is none to be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def data(self, path: str) -> bytes:
        """Return the bytes of ``path``; none where there is nothing to be read."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return b""

    def number(self, path: str) -> int | None:
        """Return the number in ``path``; None where there is none."""
        try:
            return int(self.text(path) or "")
        except ValueError:
            return None

    def numbers(self, path: str) -> tuple[int, ...]:
        """Return the numbers of a list such as "0-3,6"; () where there is none."""
        try:
            return parse_number_list(self.text(path) or "", _NUMBER_LIMIT)
        except ValueError:
            return ()

    def names(self, path: str) -> list[str]:
        """Return the sorted names in the directory ``path``; [] where there is none to be read."""
        try:
            return sorted(entry.name for entry in (self.root / path).iterdir())
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        """Say whether there is ``path``."""
        return (self.root / path).exists()

    def write(self, path: str, text: str) -> None:
        """Write ``text`` in one call, as /proc and /sys expect it; raise OSError."""
        with (self.root / path).open("w", encoding="utf-8", newline="") as file:
            file.write(text)
