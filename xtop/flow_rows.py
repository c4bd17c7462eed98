# SPDX-License-Identifier: BSD-2-Clause
"""Flows as the reader hands them out: C rows that become :class:`xtop.model.Flow` when somebody looks at one.

A snapshot may hold a million flows; turning all of them into Python objects would cost minutes and gigabytes, so they
stay in C memory (private to the snapshot, never written again) until asked for.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, overload

from xtop.model import Direction, Flow, Tunnel
from xtop.protocols import ICMP, ICMPV6, protocol_name
from xtop.row_form import ByteCounts, RowForm

NANOSECONDS = 1_000_000_000

END_REASONS = (None, "idle", "active", "tcp", "shutdown", "cache_full")  # by XTOP_END_
TCP_STATES = (None, "syn", "syn_ack", "established", "fin", "closed", "reset")  # by XTOP_TCP_

TEXT_CHUNK = 1 << 20  # bytes

# By XTOP_TUNNEL_: the name, and whether it has an id.
TUNNELS = (
    *(("", False), ("mpls", True), ("pppoe", True), ("gre", False), ("gre", True), ("nvgre", True), ("erspan", True)),
    *(("ipip", False), ("6in4", False), ("4in6", False), ("6in6", False)),
    *(("vxlan", True), ("vxlan_gpe", True), ("geneve", True), ("gtpu", True), ("teredo", False)),
    ("nsh", True),
)

_PAIR = struct.Struct("=QQ")  # reader_row.rate_bytes
_ECHO_REPLY = {ICMP: 0, ICMPV6: 129}


class RowKind(NamedTuple):
    """What rows are besides their records."""

    name: str  # the group's, or empty for flows
    directions: bool  # each row is one direction
    per_second: float  # of what came in the interval
    entropies_noted: bool  # they stand in the rows


class FlowRows(Sequence[Flow]):
    """``count`` rows at ``rows`` (a cffi ``struct reader_row *`` that this object keeps alive).

    ``kind`` tells rows of one key apart: it is the group's name, or empty for flows. With ``directions`` each row is
    one direction. ``reader`` is that of a capture that counts payload bytes.
    """

    def __init__(
        self, ffi: Any, lib: Any, rows: Any, count: int, interval_ns: int, kind: str = "", directions: bool = False,
        reader: Any = None,
    ) -> None:  # fmt: skip
        self._ffi = ffi
        self._lib = lib
        self._rows = rows
        self._count = count
        self._kind = kind.encode()
        self._directions = directions
        self._reader = reader
        self._entropies_noted = False  # they stand in the rows
        self._per_second = NANOSECONDS / interval_ns if interval_ns else 0.0

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Flow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Flow, ...]: ...
    def __getitem__(self, index: int | slice) -> Flow | tuple[Flow, ...]:
        if isinstance(index, slice):
            return tuple(self._flow(self._rows[at]) for at in range(*index.indices(self._count)))
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError(index)
        return self._flow(self._rows[at])

    def text(self, form: RowForm) -> Iterator[tuple[bytes, int]]:
        """Yield the rows as ``form`` has them, in pieces of about a megabyte, each with the rows written so far."""
        native, alive = _native_form(self._ffi, self._lib, form, self._per_second)
        if form.asks_payload:
            native.reader = self._ffi.NULL if self._reader is None else self._reader
            native.entropies_noted = self._entropies_noted
        room = self._lib.row_text_room(native) + TEXT_CHUNK
        buffer, at = self._ffi.new("char[]", room), self._ffi.new("uint64_t *")
        while size := self._lib.row_text(native, self._rows, self._count, at, buffer, room):
            yield self._ffi.buffer(buffer, size)[:], at[0]
        del alive  # until here C has looked into them

    def records(self) -> tuple[Any, int, int]:
        """Return where the native records lie: the first, the octets from one to the next, how many."""
        return self._rows, self._ffi.sizeof("struct reader_row"), self._count

    def keys_and_rates(self) -> tuple[list[bytes], list[float]]:
        """Return the key and the bits per second of every row, at a small part of what the rows themselves cost."""
        if self._directions or not self._count:
            rows = tuple(self)
            return [flow.key for flow in rows], [flow.bps for flow in rows]
        row, record = self._ffi.typeof("struct reader_row"), self._ffi.typeof("struct xtop_record")
        size, key = self._ffi.sizeof(row), self._ffi.offsetof(row, "record") + self._ffi.offsetof(record, "key")
        end = key + self._ffi.sizeof("struct xtop_key")
        content = self._ffi.buffer(self._rows, self._count * size)[:]
        places = range(0, len(content), size)
        keys = [self._kind + content[at + key : at + end] for at in places]
        rate, scale = self._ffi.offsetof(row, "rate_bytes"), 8 * self._per_second
        pairs = (_PAIR.unpack_from(content, at + rate) for at in places)
        return keys, [one * scale + other * scale for one, other in pairs]

    def rekey(self, new_key: Callable[[bytes], bytes], new_id: Callable[[bytes], int]) -> None:
        """Give every row the key and the flow id that the functions return; only before anybody has looked at them."""
        for at in range(self._count):
            row = self._rows[at]
            key = self._ffi.buffer(self._ffi.addressof(row.record, "key"))
            key[:] = new_key(key[:])
            row.flow_id = new_id(key[:])

    def byte_counts(self, index: int) -> tuple[ByteCounts | None, ByteCounts | None]:
        """Return the payload bytes of a flow by value, forward and reverse; None where they are not known."""
        if self._reader is None:
            return None, None
        row, count = self._rows[index], self._ffi.new("uint64_t[256]")
        sides: list[ByteCounts | None] = []
        for end in (row.record.initiator & 1, 1 - (row.record.initiator & 1)):
            known = self._lib.reader_row_bytes(self._reader, self._ffi.addressof(self._rows, index), end, count) == 0
            sides.append(tuple(self._ffi.unpack(count, 256)) if known else None)
        return sides[0], sides[1]

    @classmethod
    def of_kind(cls, ffi: Any, lib: Any, rows: Any, count: int, kind: RowKind) -> FlowRows:
        """Return rows of a moment that is over."""
        made = cls(ffi, lib, rows, count, 0, kind.name, kind.directions)
        made._per_second, made._entropies_noted = kind.per_second, kind.entropies_noted
        return made

    @property
    def kind(self) -> RowKind:
        """What they are, besides their records."""
        return RowKind(self._kind.decode(), self._directions, self._per_second, self._entropies_noted)

    def kept(self, count: int) -> FlowRows:
        """Return a copy of the first ``count`` rows as they are now, which is more than they know where it counts."""
        count, size = min(count, self._count), self._ffi.sizeof("struct reader_row")
        records = self._ffi.new("struct reader_row[]", count)
        self._ffi.memmove(records, self._rows, count * size)
        if self._reader is not None:
            entropy = self._ffi.new("double[3]")
            for at in range(count):
                self._lib.reader_row_entropy(self._reader, self._ffi.addressof(self._rows, at), entropy)
                records[at].entropy = list(entropy)
        kind = self.kind._replace(entropies_noted=self._entropies_noted or self._reader is not None)
        return FlowRows.of_kind(self._ffi, self._lib, records, count, kind)

    def _entropies(self, row: Any) -> tuple[float | None, float | None, float | None]:
        """Return those of end 0, of end 1, of both."""
        if self._entropies_noted:
            entropy = row.entropy
        elif self._reader is None:
            return _NO_ENTROPIES
        else:
            entropy = self._ffi.new("double[3]")
            self._lib.reader_row_entropy(self._reader, self._ffi.addressof(row), entropy)
        one, other, both = (None if value < 0 else round(value, 4) for value in entropy)
        return one, other, both

    def ended(self) -> FlowRows:
        """Return the flows that have ended, in this order, as rows of their own (MemoryError)."""
        kept = self._ffi.new("uint64_t *")
        rows = self._lib.reader_rows_ended(self._rows, self._count, kept)
        if kept[0] and rows == self._ffi.NULL:
            raise MemoryError("out of memory for the ended flows")
        ended = FlowRows(self._ffi, self._lib, self._ffi.gc(rows, self._lib.reader_rows_free), kept[0], 0)
        ended._per_second, ended._reader = self._per_second, self._reader
        return ended

    def _flow(self, row: Any) -> Flow:
        record = row.record
        key = record.key
        forward = record.initiator & 1
        reverse = 1 - forward
        entropies = self._entropies(row)
        there = self._direction(row, forward, entropies[forward])
        back = self._direction(row, reverse, entropies[reverse])
        name = self._kind + self._ffi.buffer(self._ffi.addressof(record, "key"))[:]
        source_port, destination_port = _ports(key, forward)
        return Flow(
            key=name + bytes((forward,)) if self._directions else name,
            flow_id=row.flow_id,
            ip_version=key.ip_version,
            source=self._end(key, forward),
            destination="" if self._kind == b"host" else self._end(key, reverse),
            source_port=source_port,
            destination_port=destination_port,
            protocol=key.protocol,
            protocol_name=protocol_name(key.protocol) if self._kind in _WITH_PROTOCOL else "",
            vlan=key.vlan,
            tunnel=_tunnel(record.tunnel, record.tunnel_id) if record.tunnel else None,
            first_seen=min((seen for seen in (there.first_seen, back.first_seen) if seen is not None), default=0),
            last_seen=max((seen for seen in (there.last_seen, back.last_seen) if seen is not None), default=0),
            packets=there.packets + back.packets,
            bytes=there.bytes + back.bytes,
            payload_bytes=there.payload_bytes + back.payload_bytes,
            pps=there.pps + back.pps,
            bps=there.bps + back.bps,
            tcp_state=TCP_STATES[record.tcp_state],
            rtt_us=record.rtt_us or None,
            end_reason=END_REASONS[record.end_reason],
            forward=there,
            reverse=back,
            flows=row.flows,
            entropy=entropies[2],
        )

    def _end(self, key: Any, end: int) -> str:
        return address_text(key.ip_version, self._ffi.buffer(key.address[end])[:])

    def _direction(self, row: Any, end: int, entropy: float | None) -> Direction:
        record = row.record
        direction = record.direction[end]
        if direction.packets == 0:
            return _NOTHING
        version = record.key.ip_version
        return Direction(
            packets=direction.packets,
            bytes=direction.bytes,
            payload_bytes=direction.payload_bytes,
            tcp_flags=direction.tcp_flags,
            ttl_min=direction.ttl_min,
            ttl_max=direction.ttl_max,
            dscp=direction.dscp,
            ip_flags=direction.ip_flags,
            ipv4_options=record.ipv4_options[end] if version == 4 else 0,
            tcp_options=record.tcp_options[end],
            ipv6_extensions=record.ipv6_extensions[end] if version == 6 else 0,
            packet_size=tuple(self._ffi.unpack(direction.size_histogram, 8)),
            first_seen=record.first_seen[end] or None,
            last_seen=record.last_seen[end] or None,
            retransmissions=row.retransmissions[end],
            out_of_order=direction.out_of_order,
            zero_windows=direction.zero_windows,
            pps=row.rate_packets[end] * self._per_second,
            bps=row.rate_bytes[end] * 8 * self._per_second,
            entropy=entropy,
        )


_WITH_PROTOCOL = (b"", b"port", b"protocol")  # kinds of rows that one protocol names
_NO_ENTROPIES = (None, None, None)
_NOTHING = Direction(packet_size=(0,) * 8)


@lru_cache(maxsize=4096)
def _tunnel(number: int, identity: int) -> Tunnel:
    kind, has_id = TUNNELS[number]
    return Tunnel(kind, identity if has_id else None)


@lru_cache(maxsize=1024)
def address_text(ip_version: int, packed: bytes) -> str:
    """Return an address of the segment, which is 16 bytes long, as people write it."""
    if ip_version == 0:  # a group's, which no address names
        return ""
    if ip_version == 4:
        return socket.inet_ntop(socket.AF_INET, packed[:4])
    return socket.inet_ntop(socket.AF_INET6, packed)


def _ports(key: Any, forward: int) -> tuple[int, int]:
    """Source and destination port; a lone echo reply has the type and code of what was sent, not of its request."""
    source, destination = key.port[forward], key.port[1 - forward]
    if key.protocol in _ECHO_REPLY and source:
        return 0, _ECHO_REPLY[key.protocol] << 8 | (source & 0xFF)
    return source, destination


def _native_form(ffi: Any, lib: Any, form: RowForm, per_second: float) -> tuple[Any, list[Any]]:
    """Return ``form`` as C has it (``struct row_form *``), and what must stay alive as long as it is used."""
    alive: list[Any] = []

    def words(text: str) -> dict[str, Any]:
        data = text.encode()
        alive.append(ffi.from_buffer(data.ljust(lib.ROW_WORDS_READ, b"\0")))
        return {"text": alive[-1], "size": len(data)}

    def table(names: list[str | None]) -> Any:
        written = [form.nothing if name is None else form.word(name) for name in names]
        alive.append(ffi.new("struct row_words[]", [words(text) for text in written]))
        return alive[-1]

    def value(name: str, side: str) -> int:
        return int(getattr(lib, f"ROW_SIDE_{name.upper()}" if side else f"ROW_{name.upper()}"))

    steps = [
        {"literal": words(step.literal), "value": value(step.name, step.side), "side": step.side == "reverse"}
        for step in form.steps
    ]
    alive.append(ffi.new("struct row_step[]", steps))
    native = ffi.new("struct row_form *")
    native.step, native.step_count = alive[-1], len(steps)
    for name in ("end", "between", "nothing", "quote", "list_begin", "list_between", "list_end"):
        setattr(native, name, words(getattr(form, name)))
    native.protocol_name = table([protocol_name(number) for number in range(256)])
    native.tcp_state, native.tcp_state_count = table(list(TCP_STATES)), len(TCP_STATES)
    native.end_reason, native.end_reason_count = table(list(END_REASONS)), len(END_REASONS)
    none, before_kind, before_id, native_end = form.tunnel
    begins = [before_kind + form.word(kind) + before_id for kind, _ in TUNNELS]
    alive.append(ffi.new("struct row_words[]", [words(text) for text in (none, *begins[1:])]))
    native.tunnel, native.tunnel_end = alive[-1], words(native_end)
    native.tunnel_ids = sum(1 << number for number, (_, has_id) in enumerate(TUNNELS) if has_id)
    native.per_second = per_second
    return native, alive
