# SPDX-License-Identifier: BSD-2-Clause
"""The flow whose detail is open, as a snapshot has it."""

from __future__ import annotations

from dataclasses import replace

from xtop.model import Snapshot
from xtop.picture import Pinned
from xtop.row_form import ByteRows
from xtop.screen_rows import keys_of
from xtop.timeline import Moments


def seen_in(snapshot: Snapshot, pinned: Pinned, timeline: Moments) -> Pinned:
    """Return the flow as ``snapshot`` has it, or as it was if it has not; its rates are those of ``timeline``."""
    rates = timeline.rates(pinned.flow.key, snapshot.taken_at)
    keys = keys_of(snapshot.flows)
    if pinned.flow.key in keys:
        at, rows = keys.index(pinned.flow.key), snapshot.flows
        counts = rows.byte_counts(at) if isinstance(rows, ByteRows) else (None, None)
        return Pinned(rows[at], rates, snapshot.taken_at, byte_counts=counts)
    return replace(pinned, rates=rates, among_rows=False)
