# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot for people: totals, loss, queues and flows as tables of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from xtop import units
from xtop.export.row_chunks import BATCH, Progress, unheard
from xtop.export.times import iso_time
from xtop.model import Flow, Link, Queue, Snapshot
from xtop.sampling import sampling_sentence

_QUEUE_HEAD = ("queue", "cpu", "packets", "bytes", "packet rate", "bit rate", "busy", "lost")
_FLOW_HEAD = ("source", "destination", "protocol", "packets", "bytes", "packet rate", "bit rate", "duration", "state")


def write_text(snapshot: Snapshot, stream: BinaryIO, progress: Progress = unheard) -> None:
    """Write the tables."""
    stream.write(_summary(snapshot).encode("utf-8", "replace"))
    if snapshot.queues:
        named = len(snapshot.source.links) > 1
        head = ("interface",) * named + _QUEUE_HEAD
        rows = [(queue.interface or "",) * named + _queue_row(queue) for queue in snapshot.queues]
        stream.write(b"\n" + _table(rows, _widths(head, rows), left=int(named), head=head).encode("utf-8", "replace"))
    if snapshot.flows:
        _write_flows(snapshot.flows, stream, progress, snapshot.source.byte_histogram)


def _write_flows(flows: Sequence[Flow], stream: BinaryIO, progress: Progress, with_bytes: bool) -> None:
    """Twice through the flows, first for the widths: a million rows of text never lie in memory."""
    head: Sequence[str] | None = (*_FLOW_HEAD[:-1], "entropy", _FLOW_HEAD[-1]) if with_bytes else _FLOW_HEAD
    row = _flow_row_with_bytes if with_bytes else _flow_row
    widths = _widths(head or (), map(row, flows))
    stream.write(b"\n")
    written = 0
    for rows in _batches(map(row, flows)):
        stream.write(_table(rows, widths, left=3, head=head).encode())
        head = None
        written += len(rows)
        progress(written)


def _batches(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _summary(snapshot: Snapshot) -> str:
    source, totals, lost, law = snapshot.source, snapshot.totals, snapshot.lost, snapshot.accounting
    how = " ".join(filter(None, (source.capture, source.xdp_mode, "zero copy" if source.zero_copy else None)))
    causes = ("rx_dropped", "rx_ring_full", "rx_fill_ring_empty", "rx_invalid_descs", "nic", "ring")
    parts = ["accounted", "non_ip", "malformed", "filtered", "sampled_out", "table_full"]
    parts += ["duplicates"] * bool(law.duplicates)
    lines = [
        ("source", f"{source.kind} {source.name}, {how}"),
        *([("sampling", sampling_sentence(source))] if source.sampling > 1 else []),
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
    if len(source.links) > 1:
        lines += [("link", _link(link)) for link in source.links]
    lines += [("note", note) for note in source.notes]
    return "".join(f"{name:<9} {_printable(text)}\n" for name, text in lines)


def _link(link: Link) -> str:
    how = " ".join(filter(None, (link.capture, link.xdp_mode, "zero copy" if link.zero_copy else None)))
    return f"{link.name}, {how}, {link.queues} queue{'s' if link.queues > 1 else ''}, {link.lost.total} lost"


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


def _flow_row_with_bytes(flow: Flow) -> tuple[str, ...]:
    *before, state = _flow_row(flow)
    return (*before, "" if flow.entropy is None else f"{flow.entropy:.2f}", state)


def _end(address: str, port: int, version: int) -> str:
    return f"[{address}]:{port}" if version == 6 else f"{address}:{port}"


def _rate(padded: str) -> str:
    return " ".join(padded.split())


def _widths(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[int]:
    widths = [len(cell) for cell in head]
    for row in rows:
        widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
    return widths


def _table(rows: Sequence[Sequence[str]], widths: Sequence[int], left: int, head: Sequence[str] | None) -> str:
    """Return lines of aligned columns; the first ``left`` of them are words, the rest numbers but for the last."""
    lines = []
    for row in (head, *rows) if head is not None else rows:
        cells = [
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
