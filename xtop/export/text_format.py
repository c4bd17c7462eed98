# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot for people: totals, loss, queues and flows as tables of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from xtop import units
from xtop.export.times import iso_time
from xtop.model import Flow, Queue, Snapshot

_QUEUE_HEAD = ("queue", "cpu", "packets", "bytes", "packet rate", "bit rate", "busy", "lost")
_FLOW_HEAD = ("source", "destination", "protocol", "packets", "bytes", "packet rate", "bit rate", "duration", "state")


def write_text(snapshot: Snapshot, stream: TextIO) -> None:
    """Write the tables."""
    stream.write(_summary(snapshot))
    if snapshot.queues:
        stream.write("\n" + _table(_QUEUE_HEAD, [_queue_row(queue) for queue in snapshot.queues], left=0))
    if snapshot.flows:
        stream.write("\n" + _table(_FLOW_HEAD, [_flow_row(flow) for flow in snapshot.flows], left=3))


def _summary(snapshot: Snapshot) -> str:
    source, totals, lost, law = snapshot.source, snapshot.totals, snapshot.lost, snapshot.accounting
    how = " ".join(filter(None, (source.capture, source.xdp_mode, "zero copy" if source.zero_copy else None)))
    causes = ("rx_dropped", "rx_ring_full", "rx_fill_ring_empty", "rx_invalid_descs", "nic", "ring")
    parts = ("accounted", "non_ip", "malformed", "filtered", "sampled_out", "table_full")
    lines = [
        ("source", f"{source.kind} {source.name}, {how}"),
        ("taken at", f"{iso_time(snapshot.taken_at)}, over {snapshot.interval_s:.3f} s"),
        ("state", snapshot.state.name.lower() + (f": {snapshot.state_text}" if snapshot.state_text else "")),
        ("packets", f"{totals.packets} ({_rate(units.packet_rate(totals.pps))})"),
        ("bytes", f"{totals.bytes} ({_rate(units.rate(totals.bps))})"),
        ("flows", f"{totals.flows_live} live, {totals.flows_created} created, {totals.flows_ended} ended"),
        ("received", f"{law.received} = " + " + ".join(f"{getattr(law, part)} {part}" for part in parts)),
        ("lost", f"{lost.total}" + "".join(f", {getattr(lost, c)} {c}" for c in causes if getattr(lost, c))),
    ]
    if law.missing:
        lines.append(("fault", f"{law.missing} packets are in no account: a fault of xtop"))
    lines += [("note", note) for note in source.notes]
    return "".join(f"{name:<9} {_printable(text)}\n" for name, text in lines)


def _queue_row(queue: Queue) -> tuple[str, ...]:
    return (
        str(queue.queue),
        "-" if queue.cpu is None else str(queue.cpu),
        str(queue.packets),
        str(queue.bytes),
        _rate(units.packet_rate(queue.pps)),
        _rate(units.rate(queue.bps)),
        f"{queue.busy:.1%}",
        str(queue.lost),
    )


def _flow_row(flow: Flow) -> tuple[str, ...]:
    return (
        _end(flow.source, flow.source_port, flow.ip_version),
        _end(flow.destination, flow.destination_port, flow.ip_version),
        flow.protocol_name,
        str(flow.packets),
        str(flow.bytes),
        _rate(units.packet_rate(flow.pps)),
        _rate(units.rate(flow.bps)),
        f"{flow.duration_ns / 1e9:.3f} s",
        flow.end_reason or flow.tcp_state or "",
    )


def _end(address: str, port: int, version: int) -> str:
    return f"[{address}]:{port}" if version == 6 else f"{address}:{port}"


def _rate(padded: str) -> str:
    return " ".join(padded.split())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return lines of aligned columns; the first ``left`` of them are words, the rest numbers but for the last."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = [
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
