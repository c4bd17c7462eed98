# SPDX-License-Identifier: BSD-2-Clause
"""Schema xtop.snapshot/1 as JSON: one object, a flow a line; as NDJSON the whole snapshot is one line.

Flows are written a piece at a time, so a million of them never lie in memory as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from xtop.export.byte_fields import NOTHING_KNOWN, flows_with_bytes
from xtop.export.flow_fields import NOBODY, flow_fields
from xtop.export.row_chunks import Progress, row_chunks, unheard
from xtop.export.times import iso_time
from xtop.model import Flow, Histogram, Link, Snapshot
from xtop.row_form import RowForm, Step, TextRows

SCHEMA = "xtop.snapshot/1"

# Names that the schema shares with the model.
SOURCE = (
    *("kind", "name", "capture", "xdp_mode", "zero_copy", "queues", "sampling", "filter"),
    *("sampling_method", "driver", "ring_size", "reason", "notes"),
)
LINK = ("name", "capture", "xdp_mode", "zero_copy", "queues", "driver", "ring_size", "reason")
RATES = ("packets", "bytes", "pps", "bps")
TOTALS = (*RATES, "flows_live", "flows_created", "flows_ended", "flows_evicted", "length_mismatch", "too_deep")
ACCOUNTING = ("received", "accounted", "non_ip", "malformed", "filtered", "sampled_out", "table_full")
RX_CAUSES = ("rx_dropped", "rx_ring_full", "rx_fill_ring_empty", "rx_invalid_descs")
LOST = ("total", *RX_CAUSES, "nic", "ring")
QUEUE = ("queue", "cpu", *RATES, "busy", *RX_CAUSES, "ring", "interface")

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def write_json(snapshot: Snapshot, stream: BinaryIO, progress: Progress = unheard) -> None:
    """Write one JSON object, a flow a line."""
    _write(snapshot, stream, ",\n", progress)


def write_ndjson(snapshot: Snapshot, stream: BinaryIO, progress: Progress = unheard) -> None:
    """Write one JSON object as one line."""
    _write(snapshot, stream, ",", progress)


def _write(snapshot: Snapshot, stream: BinaryIO, between: str, progress: Progress) -> None:
    line_break = between[1:]
    head = _encode(head_fields(snapshot))[:-1] + ',"flows":[' + line_break
    stream.write(head.encode("utf-8", "replace"))
    for piece in _pieces(snapshot, between, progress):
        stream.write(piece)
    stream.write((line_break + "]}\n").encode())


def _pieces(snapshot: Snapshot, between: str, progress: Progress) -> Iterator[bytes]:
    counted = snapshot.source.byte_histogram
    if counted and not isinstance(snapshot.flows, TextRows):
        return _with_bytes(snapshot, between, progress)
    return row_chunks(snapshot.flows, json_form(between, counted), _row, progress)


def _row(flow: Flow) -> str:
    return _encode(flow_fields(flow))


def _with_bytes(snapshot: Snapshot, between: str, progress: Progress) -> Iterator[bytes]:
    """Yield the flows with what is known of their payload's bytes: entropies, and counts where the rows have them."""
    lead = ""
    for written, (flow, known) in enumerate(flows_with_bytes(snapshot), 1):
        yield (lead + _encode(_fields_with_bytes(flow, known))).encode()
        progress(written)
        lead = between


def _fields_with_bytes(flow: Flow, known: Mapping[str, Any]) -> dict[str, Any]:
    fields = flow_fields(flow) | {"entropy": known["entropy"]}
    for side in ("forward", "reverse"):
        fields[side] |= known[side]
    return fields


def json_form(between: str, with_bytes: bool = False) -> RowForm:
    """Return a flow as :func:`flow_fields` orders it, for who writes many; ``with_bytes`` with payload bytes."""
    fields = _fields_with_bytes(NOBODY, NOTHING_KNOWN) if with_bytes else flow_fields(NOBODY)
    steps, end = _steps(fields, "", "")
    return RowForm(steps, end, between, "null", '"', "[", ",", "]", ("null", '{"kind":', ',"id":', "}"), _encode)


def _steps(fields: Mapping[str, Any], side: str, before: str) -> tuple[tuple[Step, ...], str]:
    """Return the steps of one object and what closes it; ``before`` stands before its brace."""
    steps: tuple[Step, ...] = ()
    before += "{"
    for name, value in fields.items():
        before += f"{_encode(name)}:"
        if isinstance(value, Mapping):
            inner, before = _steps(value, name, before)
            steps += inner
        else:
            steps += (Step(before, name, side),)
            before = ""
        before += ","
    return steps, before.removesuffix(",") + "}"


def head_fields(snapshot: Snapshot) -> dict[str, Any]:
    """Return all of the schema but the flows."""
    return {
        "schema": SCHEMA,
        "taken_at": iso_time(snapshot.taken_at),
        "interval_s": snapshot.interval_s,
        "state": snapshot.state.name.lower(),
        "state_text": snapshot.state_text,
        "source": _fields(snapshot.source, SOURCE) | {"interfaces": [_link(link) for link in snapshot.source.links]},
        "totals": _fields(snapshot.totals, TOTALS + ("byte_histograms_full",) * snapshot.source.byte_histogram),
        "accounting": _fields(snapshot.accounting, ACCOUNTING + ("duplicates",) * bool(snapshot.accounting.duplicates)),
        "lost": _fields(snapshot.lost, LOST),
        "queues": [_fields(queue, QUEUE) for queue in snapshot.queues],
        "histograms": {
            "packet_size": _histogram(snapshot.packet_size),
            "flow_duration": _histogram(snapshot.flow_duration),
            "flow_packets": _histogram(snapshot.flow_packets),
            "flow_interarrival": _histogram(snapshot.flow_interarrival),
        },
        "flow_filter": snapshot.flow_filter or None,
        "flows_hidden": snapshot.flows_hidden,
        "protocols": [_fields(protocol, ("protocol", "packets", "bytes", "flows")) for protocol in snapshot.protocols],
    }


def _link(link: Link) -> dict[str, Any]:
    return _fields(link, LINK) | {"lost": _fields(link.lost, LOST)}


def _histogram(histogram: Histogram) -> dict[str, Any]:
    return _fields(histogram, ("unit", "upper", "counts"))


def _fields(value: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}
