# SPDX-License-Identifier: BSD-2-Clause
"""Rows of a moment that is over: the native records, packed, from which the rows can be had again.

No row becomes a value for it. The records lie column by column, octet k of every record before octet k + 1 of any: what
is alike in all of them comes together, and deflates to half of what it otherwise does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Generic, TypeVar

LEVEL = 1  # of zlib: the higher ones take ten times as long for a tenth less

Rows = TypeVar("Rows")


class PackedRows(Generic[Rows]):
    """``content``: records of ``record_size`` octets, out of which ``make`` makes rows."""

    __slots__ = ("_content", "_make", "_record_size")

    def __init__(self, content: bytes | bytearray, record_size: int, make: Callable[[bytes], Rows]) -> None:
        columns = b"".join(content[at::record_size] for at in range(record_size))
        self._content, self._record_size, self._make = zlib.compress(columns, LEVEL), record_size, make

    @property
    def size(self) -> int:
        """What it takes, octets."""
        return len(self._content)

    def unpacked(self) -> Rows:
        """Return the rows."""
        columns = zlib.decompress(self._content)
        count, content = len(columns) // self._record_size, bytearray(len(columns))
        for at in range(self._record_size):
            content[at :: self._record_size] = columns[at * count : (at + 1) * count]
        return self._make(bytes(content))
