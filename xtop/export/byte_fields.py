# SPDX-License-Identifier: BSD-2-Clause
"""What is known of the bytes of a flow's payload, where a capture counts them (``--byte-histogram``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xtop.export.flow_fields import NOBODY
from xtop.model import Flow, Snapshot
from xtop.row_form import ByteCounts, ByteRows


def flows_with_bytes(snapshot: Snapshot) -> Iterator[tuple[Flow, dict[str, Any]]]:
    """Yield each flow with its ``entropy``, and of ``forward`` and ``reverse`` ``entropy`` and ``byte_histogram``."""
    rows = snapshot.flows
    counted = rows if isinstance(rows, ByteRows) else None  # a question that costs as much as a row
    for at, flow in enumerate(rows):
        yield flow, _known(flow, (None, None) if counted is None else counted.byte_counts(at))


def _known(flow: Flow, counts: tuple[ByteCounts | None, ByteCounts | None]) -> dict[str, Any]:
    return {
        "entropy": flow.entropy,
        "forward": {"entropy": flow.forward.entropy, "byte_histogram": counts[0]},
        "reverse": {"entropy": flow.reverse.entropy, "byte_histogram": counts[1]},
    }


NOTHING_KNOWN = _known(NOBODY, (None, None))  # for who wants the names alone
