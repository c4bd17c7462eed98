# SPDX-License-Identifier: BSD-2-Clause
"""One row a flow, under the JSON's names; what lies in a direction has ``forward_`` or ``reverse_`` before its name,
and the tunnel is ``tunnel_kind`` and ``tunnel_id``.

A value that is not there is empty; the counts of ``packet_size`` stand in one cell, with blanks between. Where payload
bytes are counted by value, entropies and these counts come last.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from xtop.export.byte_fields import flows_with_bytes
from xtop.export.flow_fields import NOBODY, direction_fields, flow_fields
from xtop.export.row_chunks import Progress, row_chunks, unheard
from xtop.model import Direction, Flow, Snapshot
from xtop.row_form import RowForm, Step, TextRows

DIRECTIONS = ("forward", "reverse")
BYTES = (("", "entropy"), *((side, name) for side in DIRECTIONS for name in ("entropy", "byte_histogram")))


def write_csv(snapshot: Snapshot, stream: BinaryIO, progress: Progress = unheard) -> None:
    """Write a header row, then a row for each flow."""
    stream.write(_line(csv_columns(snapshot.source.byte_histogram)).encode())
    for piece in csv_pieces(snapshot, progress):
        stream.write(piece)


def csv_pieces(snapshot: Snapshot, progress: Progress = unheard) -> Iterator[bytes]:
    """Yield the rows, some at a time."""
    counted = snapshot.source.byte_histogram
    if counted and not isinstance(snapshot.flows, TextRows):
        return _with_bytes(snapshot, progress)
    return row_chunks(snapshot.flows, csv_form(counted), csv_row, progress)


def csv_columns(with_bytes: bool = False) -> list[str]:
    """Return the names of the columns; ``with_bytes`` those of payload bytes, too."""
    columns = [f"{side}_{name}" if side else name for side, name in _names(with_bytes)]
    at = columns.index("tunnel")
    return [*columns[:at], "tunnel_kind", "tunnel_id", *columns[at + 1 :]]


def _with_bytes(snapshot: Snapshot, progress: Progress) -> Iterator[bytes]:
    for written, (flow, known) in enumerate(flows_with_bytes(snapshot), 1):
        cells = [known["entropy"]]
        for side in DIRECTIONS:
            counts = known[side]["byte_histogram"]
            cells += [known[side]["entropy"], None if counts is None else " ".join(map(str, counts))]
        yield (csv_row(flow).removesuffix("\n") + "," + _line(cells)).encode()
        progress(written)


def csv_form(with_bytes: bool = False) -> RowForm:
    """Return a row for who writes many."""
    steps = tuple(Step("," if at else "", name, side) for at, (side, name) in enumerate(_names(with_bytes)))
    return RowForm(steps, "\n", "", "", "", "", " ", "", (",", "", ",", ""), lambda word: _line([word]).rstrip("\n"))


def _names(with_bytes: bool) -> list[tuple[str, str]]:
    """Return the direction (empty: of both) and the name of each column."""
    outer = [("", name) for name in flow_fields(NOBODY) if name not in DIRECTIONS]
    inner = list(direction_fields(Direction()))
    return outer + [(side, name) for side in DIRECTIONS for name in inner] + [*(BYTES if with_bytes else ())]


def csv_row(flow: Flow) -> str:
    """Return one row, with its line end."""
    fields = flow_fields(flow)
    forward, reverse = fields.pop("forward"), fields.pop("reverse")
    for direction in (forward, reverse):
        direction["packet_size"] = " ".join(map(str, direction["packet_size"]))
    tunnel = fields.pop("tunnel") or {"kind": None, "id": None}
    at = list(flow_fields(NOBODY)).index("tunnel")
    values = list(fields.values())
    return _line([*values[:at], *tunnel.values(), *values[at:], *forward.values(), *reverse.values()])


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
