# SPDX-License-Identifier: BSD-2-Clause
"""Rows for a screen: of a thousand that a snapshot brings some twenty are seen, and the others cost next to nothing.

A row becomes a :class:`Flow` when it is looked at for the first time. What the screen wants of all of them at every
snapshot, keys and rates, comes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from xtop.flow_rows import FlowRows
from xtop.model import Flow
from xtop.row_form import ByteCounts


class ScreenRows(Sequence[Flow]):
    """The rows of ``rows``, each made once."""

    def __init__(self, rows: FlowRows) -> None:
        self._rows = rows
        self._made: list[Flow | None] = [None] * len(rows)
        self.keys, self.rates = rows.keys_and_rates()

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, index: int) -> Flow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Flow, ...]: ...
    def __getitem__(self, index: int | slice) -> Flow | tuple[Flow, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        flow = self._made[index]
        if flow is None:
            flow = self._made[index] = self._rows[index]
        return flow

    def kept(self, count: int) -> FlowRows:
        """Return a copy of the first ``count`` rows, as they are now."""
        return self._rows.kept(count)

    def byte_counts(self, index: int) -> tuple[ByteCounts | None, ByteCounts | None]:
        """Return the payload bytes of a row by value, as they are now: forward and reverse."""
        return self._rows.byte_counts(index)


def keys_of(rows: Sequence[Flow]) -> Sequence[bytes]:
    """Return the keys of all rows, in order."""
    return rows.keys if isinstance(rows, ScreenRows) else [flow.key for flow in rows]


def rates_of(rows: Sequence[Flow]) -> Sequence[float]:
    """Return the rates of all rows in bits per second, in order."""
    return rows.rates if isinstance(rows, ScreenRows) else [flow.bps for flow in rows]
