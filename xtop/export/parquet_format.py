# SPDX-License-Identifier: BSD-2-Clause
"""Parquet: the columns of the CSV with types of their own, a row group at a time, so that memory stays bounded.

The rows come as the CSV that C writes, and pyarrow reads that: one encoder for both. pyarrow is the extra ``parquet``.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from xtop.export.csv_format import csv_columns, csv_pieces
from xtop.export.errors import ExportError
from xtop.export.row_chunks import Progress, unheard
from xtop.model import Snapshot

ROW_GROUP_BYTES = 16 << 20  # of CSV
LAST_TIMESTAMP = "2262-04-11T23:47:16.854775807Z"  # 2^63 - 1 ns

_TEXTS = {
    "source",
    "destination",
    "protocol_name",
    "tunnel",
    "tunnel_kind",
    "tcp_state",
    "end_reason",
    "tcp_flags",
    "packet_size",
    "byte_histogram",
}
_ALWAYS = {"tcp_flags", "packet_size"}  # empty is a value here, not the lack of one


def write_parquet(snapshot: Snapshot, stream: BinaryIO, progress: Progress = unheard) -> None:
    """Write the flows; times are timestamps in ns, UTC. What is not there is null."""
    arrow, read_csv, parquet = _pyarrow()
    schema = arrow.schema([(name, _type(arrow, name)) for name in csv_columns(snapshot.source.byte_histogram)])
    with parquet.ParquetWriter(stream, schema) as writer:
        group: list[bytes] = []
        size = 0
        for piece in csv_pieces(snapshot, progress):
            group.append(piece)
            size += len(piece)
            if size >= ROW_GROUP_BYTES:
                writer.write_table(_table(read_csv, schema, b"".join(group)))
                group, size = [], 0
        if group:
            writer.write_table(_table(read_csv, schema, b"".join(group)))


def check_parquet() -> None:
    """Raise ExportError where pyarrow is missing, before anything is captured."""
    _pyarrow()


def _pyarrow() -> tuple[Any, Any, Any]:
    try:
        import pyarrow
        from pyarrow import csv, parquet
    except ImportError:
        raise ExportError("cannot write parquet (pyarrow is missing; pip install 'xtop[parquet]')", 2) from None
    return pyarrow, csv, parquet


def _type(arrow: Any, column: str) -> Any:
    name = column.removeprefix("forward_").removeprefix("reverse_")
    if name in _TEXTS:
        return arrow.string()
    if name.endswith("_seen"):
        return arrow.timestamp("ns", "UTC")
    return arrow.float64() if name in {"pps", "bps", "entropy"} else arrow.uint64()


def _table(read_csv: Any, schema: Any, rows: bytes) -> Any:
    try:
        table = _read(read_csv, schema, rows)
    except ValueError:  # a time that no timestamp holds
        table = _with_bounded_times(read_csv, schema, rows)
    for at, field in enumerate(schema):
        if field.name.removeprefix("forward_").removeprefix("reverse_") in _ALWAYS:
            table = table.set_column(at, field, table.column(at).fill_null(""))
    return table


def _with_bounded_times(read_csv: Any, schema: Any, rows: bytes) -> Any:
    """Read times as text, and those past the last timestamp, of a damaged file, as that: the others are right."""
    arrow, _, _ = _pyarrow()
    from pyarrow import compute

    times = [at for at, field in enumerate(schema) if field.name.endswith("_seen")]
    texts = schema
    for at in times:
        texts = texts.set(at, arrow.field(schema.field(at).name, arrow.string()))
    table = _read(read_csv, texts, rows)
    for at in times:
        bounded = compute.min_element_wise(table.column(at), LAST_TIMESTAMP, skip_nulls=False)
        table = table.set_column(at, schema.field(at), bounded.cast(schema.field(at).type))
    return table


def _read(read_csv: Any, schema: Any, rows: bytes) -> Any:
    return read_csv.read_csv(
        io.BytesIO(rows),
        read_options=read_csv.ReadOptions(column_names=[field.name for field in schema], use_threads=False),
        convert_options=read_csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
