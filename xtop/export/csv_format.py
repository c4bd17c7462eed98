# SPDX-License-Identifier: BSD-2-Clause
"""One row a flow, under the JSON's names; what lies in a direction has ``forward_`` or ``reverse_`` before its name.

A value that is not there is empty; the counts of ``packet_size`` stand in one cell, with blanks between.
"""

from __future__ import annotations

import csv
from typing import Any, TextIO

from xtop.export.flow_fields import direction_fields, flow_fields
from xtop.model import Direction, Flow, Snapshot

_DIRECTIONS = ("forward", "reverse")


def write_csv(snapshot: Snapshot, stream: TextIO) -> None:
    """Write a header row, then a row for each flow."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(csv_columns())
    writer.writerows(map(_row, snapshot.flows))


def csv_columns() -> list[str]:
    """Return the names of the columns."""
    nobody = Flow(b"", 0, 4, "", "", 0, 0, 0, "", 0, None, 0, 0, 0, 0, 0, 0.0, 0.0, None, None, None, *_nothing())
    names = [name for name in flow_fields(nobody) if name not in _DIRECTIONS]
    inner = list(direction_fields(Direction()))
    return names + [f"{direction}_{name}" for direction in _DIRECTIONS for name in inner]


def _nothing() -> tuple[Direction, Direction]:
    return Direction(), Direction()


def _row(flow: Flow) -> list[Any]:
    fields = flow_fields(flow)
    forward, reverse = fields.pop("forward"), fields.pop("reverse")
    for direction in (forward, reverse):
        direction["packet_size"] = " ".join(map(str, direction["packet_size"]))
    return [*fields.values(), *forward.values(), *reverse.values()]
