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
