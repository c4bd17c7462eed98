# SPDX-License-Identifier: BSD-2-Clause
"""Flows as IPFIX messages: capture/ipfix_encode.c, with messages as Python has them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from xtop._native import ffi, lib
from xtop.flow_rows import END_REASONS, TCP_STATES, FlowRows
from xtop.model import Direction, Flow

LEAST_MESSAGE: int = lib.IPFIX_LEAST_MESSAGE
MOST_MESSAGE: int = lib.IPFIX_MOST_MESSAGE
FORCED_END: int = lib.XTOP_END_SHUTDOWN  # flowEndReason
STILL_ACTIVE: int = lib.XTOP_END_ACTIVE

ROOM = 1 << 18  # octets of messages that are encoded in one go
MESSAGES = ROOM // 64
BATCH = 2048  # flows that are Python objects


class Message(NamedTuple):
    """One message, whole; ``records`` are the data records that sequence numbers count."""

    data: bytearray
    records: int
    flows: int

    @property
    def flow_records(self) -> int:
        """How many records of flows there are: these have messages of their own."""
        return self.records if self.flows else 0


@dataclass(frozen=True, slots=True)
class NativeFlows:
    """``count`` records in native memory, the next ``stride`` octets after the one before."""

    first: Any
    stride: int
    count: int


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What all messages of one stream have in common."""

    domain: int
    interfaces: tuple[tuple[int, str], ...] = ()  # ifindex (0 = none) and name of each link
    uniflow: bool = False
    live_reason: int = FORCED_END  # of flows that have not ended
    sampling: int = 1  # 1-in-N
    random: bool = False  # each packet by chance, not every N-th


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an exporter says of itself: totals since its start."""

    octets: int = 0
    messages: int = 0
    flows: int = 0
    packets_dropped: int = 0
    flows_not_sent: int = 0


class IpfixEncoder:
    """Encodes for one stream. ``message_size`` bounds messages, in octets, and may change between two calls."""

    def __init__(self, settings: StreamSettings, message_size: int) -> None:
        self._encoder = ffi.new("struct ipfix_encoder *")
        self._encoder.domain = settings.domain
        for at, (index, name) in enumerate(settings.interfaces):
            self._encoder.interface[at] = index
            self._encoder.interface_name[at] = name.encode("utf-8", "replace")[:31]
        self._encoder.uniflow = settings.uniflow
        self._encoder.live_reason = settings.live_reason
        self._encoder.sampling = settings.sampling
        self._encoder.random = settings.random
        self.message_size = message_size
        lib.ipfix_encoder_prepare(self._encoder)
        self._bytes = ffi.new("uint8_t[]", ROOM)
        self._messages = ffi.new("struct ipfix_message[]", MESSAGES)
        self._output = ffi.new("struct ipfix_output *")

    @property
    def message_size(self) -> int:
        """The most octets of a message."""
        return int(self._encoder.message_size)

    @message_size.setter
    def message_size(self, size: int) -> None:
        self._encoder.message_size = min(max(size, LEAST_MESSAGE), MOST_MESSAGE)

    def templates(self, time: int) -> list[Message]:
        """Return all templates. ``time`` is the messages' export time here and below, s since the epoch."""
        output = self._begin(time)
        lib.ipfix_write_templates(self._encoder, output)
        return self._written()

    def options(self, statistics: Statistics, time: int) -> list[Message]:
        """Return the options records: sampling, the interfaces' names, ``statistics``."""
        native = ffi.new("struct ipfix_statistics *")
        native.octets, native.messages, native.flows = statistics.octets, statistics.messages, statistics.flows
        native.packets_dropped, native.flows_not_sent = statistics.packets_dropped, statistics.flows_not_sent
        output = self._begin(time)
        lib.ipfix_write_options(self._encoder, native, output)
        return self._written()

    def flows(self, flows: NativeFlows, time: int) -> Iterator[list[Message]]:
        """Yield messages of ``flows``, a few at a time."""
        at = ffi.new("uint64_t *")
        while at[0] < flows.count:
            output = self._begin(time)
            lib.ipfix_write_flows(self._encoder, flows.first, flows.stride, flows.count, at, output)
            yield self._written()

    def _begin(self, time: int) -> Any:
        output = self._output
        output.bytes, output.room, output.used = self._bytes, ROOM, 0
        output.message, output.message_room, output.message_count = self._messages, MESSAGES, 0
        output.time = time & 0xFFFFFFFF
        return output

    def _written(self) -> list[Message]:
        buffer = ffi.buffer(self._bytes, self._output.used)
        return [
            Message(bytearray(buffer[one.at : one.at + one.size]), one.records, one.flows)
            for one in self._messages[0 : self._output.message_count]
        ]


def native_flows(flows: Sequence[Flow]) -> Iterator[NativeFlows]:
    """Yield ``flows`` as native records: where they lie, or, of Python objects, copies, a few thousand at a time."""
    if isinstance(flows, FlowRows):
        yield NativeFlows(*flows.records())
        return
    left = iter(flows)
    while batch := list(islice(left, BATCH)):
        records = ffi.new("struct xtop_record[]", len(batch))
        for record, flow in zip(records, batch, strict=True):
            _fill(record, flow)
        yield NativeFlows(records, ffi.sizeof("struct xtop_record"), len(batch))


def _fill(record: Any, flow: Flow) -> None:
    key = record.key
    ffi.memmove(ffi.addressof(record, "key"), flow.key[: ffi.sizeof("struct xtop_key")], len(flow.key[:40]))
    family = socket.AF_INET if flow.ip_version == 4 else socket.AF_INET6
    source = socket.inet_pton(family, flow.source)
    begins = ffi.buffer(key.address[0])[: len(source)] == source
    if flow.source == flow.destination:
        begins = key.port[0] == flow.source_port
    forward = 0 if begins else 1
    record.initiator = forward
    record.end_reason = END_REASONS.index(flow.end_reason)
    record.tcp_state = TCP_STATES.index(flow.tcp_state)
    _fill_direction(record, forward, flow.forward, flow.ip_version)
    _fill_direction(record, 1 - forward, flow.reverse, flow.ip_version)


def _fill_direction(record: Any, end: int, direction: Direction, version: int) -> None:
    native = record.direction[end]
    for name in ("packets", "bytes", "payload_bytes", "tcp_flags", "ttl_min", "ttl_max", "dscp", "ip_flags"):
        setattr(native, name, getattr(direction, name))
    record.first_seen[end] = direction.first_seen or 0
    record.last_seen[end] = direction.last_seen or 0
    record.tcp_options[end] = direction.tcp_options
    if version == 4:
        record.ipv4_options[end] = direction.ipv4_options
    else:
        record.ipv6_extensions[end] = direction.ipv6_extensions
