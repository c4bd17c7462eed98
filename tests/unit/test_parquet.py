# SPDX-License-Identifier: BSD-2-Clause
"""Parquet against the CSV of the same rows, read by pyarrow and by Python's own reader."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace

import pytest

from tests.unit.sample_snapshot import FLOW, FLOW6, NOON, SNAPSHOT
from xtop.export import ExportError
from xtop.export.csv_format import csv_columns, write_csv
from xtop.export.parquet_format import write_parquet
from xtop.model import Snapshot

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is missing (pip install pyarrow)")


def table_of(snapshot: Snapshot) -> object:
    stream = io.BytesIO()
    write_parquet(snapshot, stream)
    return parquet.read_table(io.BytesIO(stream.getvalue()))


def test_the_columns_are_those_of_the_csv_with_types() -> None:
    table = table_of(SNAPSHOT)
    assert table.column_names == csv_columns()  # type: ignore[attr-defined]
    stream = io.BytesIO()
    write_csv(SNAPSHOT, stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))
    for name in csv_columns():
        values = table.column(name)  # type: ignore[attr-defined]
        for value, row in zip(values, rows, strict=True):
            if name.endswith("_seen"):
                assert (value.value is None) == (row[name] == "")
            else:
                assert ("" if value.as_py() is None else str(value.as_py())) == row[name], name


def test_times_keep_their_nanoseconds() -> None:
    column = table_of(SNAPSHOT).column("first_seen")  # type: ignore[attr-defined]
    assert str(column.type) == "timestamp[ns, tz=UTC]"
    assert [value.value for value in column] == [NOON + 5] * 2


def test_a_time_past_the_last_timestamp_is_that_and_leaves_the_others() -> None:
    # Signed 64 bits of nanoseconds: 2262-04-11T23:47:16.854775807Z. A damaged file may say any time.
    last = (1 << 63) - 1
    times = (last - 1, last, last + 1, (1 << 64) - 1)
    table = table_of(replace(SNAPSHOT, flows=[replace(FLOW, first_seen=time) for time in times]))
    columns = [table.column(name) for name in ("first_seen", "last_seen", "tcp_state")]  # type: ignore[attr-defined]
    assert str(columns[0].type) == "timestamp[ns, tz=UTC]"
    assert [value.value for value in columns[0]] == [last - 1, last, last, last]
    assert [value.value for value in columns[1]] == [FLOW.last_seen] * 4
    assert columns[2].to_pylist() == [FLOW.tcp_state] * 4


def test_many_flows_and_none() -> None:
    many = table_of(replace(SNAPSHOT, flows=[replace(FLOW, flow_id=number) for number in range(5000)]))
    assert many.column("flow_id").to_pylist() == list(range(5000))  # type: ignore[attr-defined]
    assert table_of(replace(SNAPSHOT, flows=())).num_rows == 0  # type: ignore[attr-defined]
    assert table_of(replace(SNAPSHOT, flows=(FLOW6,))).column("tcp_state").to_pylist() == [None]  # type: ignore[attr-defined]


def test_without_pyarrow_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"pyarrow is missing; pip install 'xtop\[parquet\]'") as refusal:
        write_parquet(SNAPSHOT, io.BytesIO())
    assert refusal.value.exit_code == 2
