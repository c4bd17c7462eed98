# SPDX-License-Identifier: BSD-2-Clause
"""Runs a program over flows that are values already: those on a screen that is held, or of the past.

Everything else is filtered by capture/reader_filter.c, a million flows at a time; the two agree, and a test says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from operator import attrgetter
from typing import Any, TypeAlias

from xtop.filter_language.meaning import END_REASONS, TCP_STATES
from xtop.filter_language.program import ADDRESS_FIELDS, BOTH, SOURCE, Instruction, Program
from xtop.flow_rows import TUNNELS
from xtop.model import Direction, Flow

TCP, WITH_PORTS, ICMP = 6, (6, 17, 132, 136), (1, 58)

Value: TypeAlias = Any  # a number, or the least and the greatest of two; None: the flow has none
Getter: TypeAlias = Callable[[Flow, int, int], Value]  # flow, end, now


def matching(program: Program | None, flows: Iterable[Flow], now: int) -> list[Flow]:
    """Return those of ``flows`` that ``program`` lets through; ages are counted from ``now`` (ns)."""
    if program is None:
        return list(flows)
    return [flow for flow in flows if matches(program, flow, now)]


def matches(program: Program, flow: Flow, now: int) -> bool:
    """Say whether ``program`` lets ``flow`` through."""
    at = 0
    while program[at].field not in ("ACCEPT", "REJECT"):
        at = program[at].if_true if _holds(program[at], flow, now) else program[at].if_false
    return program[at].field == "ACCEPT"


def _holds(step: Instruction, flow: Flow, now: int) -> bool:
    wanted: Any = step.range
    if step.field in ADDRESS_FIELDS:
        return _address_matches(step, flow)
    if step.field == "TCP_FLAGS":
        return flow.protocol == TCP and _flags(flow, step.end) & wanted[0] == wanted[1]
    value = _GETTERS[step.field](flow, step.end, now)
    if value is None:
        return False
    least, greatest = value if isinstance(value, tuple) else (value, value)
    return bool(wanted[0] <= greatest and least <= wanted[1])


def _address_matches(step: Instruction, flow: Flow) -> bool:
    if step.field != f"ADDRESS_V{flow.ip_version}":
        return False
    value, mask = (int.from_bytes(part, "big") for part in step.range if isinstance(part, bytes))
    return _packed(flow.source if step.end == SOURCE else flow.destination) & mask == value


@lru_cache(maxsize=65536)
def _packed(address: str) -> int:
    return int.from_bytes(ip_address(address).packed.ljust(16, b"\0"), "big")


def _side(flow: Flow, end: int) -> Direction:
    return flow.forward if end == SOURCE else flow.reverse


def _flags(flow: Flow, end: int) -> int:
    return flow.forward.tcp_flags | flow.reverse.tcp_flags if end == BOTH else _side(flow, end).tcp_flags


def _of_ends(name: str) -> Getter:
    of = attrgetter(name)

    def get(flow: Flow, end: int, now: int) -> Value:
        return of(flow.forward) + of(flow.reverse) if end == BOTH else of(_side(flow, end))

    return get


def _of_tcp(get: Getter) -> Getter:
    return lambda flow, end, now: get(flow, end, now) if flow.protocol == TCP else None


def _port(flow: Flow, end: int, now: int) -> Value:
    if flow.protocol not in WITH_PORTS:
        return None
    return flow.source_port if end == SOURCE else flow.destination_port


def _icmp(of: Callable[[int], int]) -> Getter:
    return lambda flow, end, now: of(flow.destination_port) if flow.protocol in ICMP else None


def _header(of: Callable[[Direction], Value]) -> Getter:
    def get(flow: Flow, end: int, now: int) -> Value:
        side = _side(flow, end)
        return of(side) if side.packets else None

    return get


_TUNNELS = {kind: number for number, (kind, _) in enumerate(TUNNELS)}  # "gre": with a key and without are one word

_GETTERS: dict[str, Getter] = {
    "IP_VERSION": lambda flow, end, now: flow.ip_version,
    "PROTOCOL": lambda flow, end, now: flow.protocol,
    "PORT": _port,
    "ICMP_TYPE": _icmp(lambda port: port >> 8),
    "ICMP_CODE": _icmp(lambda port: port & 255),
    "VLAN": lambda flow, end, now: flow.vlan,
    "PACKETS": _of_ends("packets"),
    "BYTES": _of_ends("bytes"),
    "PAYLOAD_BYTES": _of_ends("payload_bytes"),
    "RETRANSMISSIONS": _of_tcp(_of_ends("retransmissions")),
    "OUT_OF_ORDER": _of_tcp(_of_ends("out_of_order")),
    "TTL": _header(lambda side: (side.ttl_min, side.ttl_max)),
    "DSCP": _header(lambda side: side.dscp),
    "DURATION": lambda flow, end, now: flow.duration_ns,
    "AGE": lambda flow, end, now: max(0, now - flow.first_seen),
    "IDLE": lambda flow, end, now: max(0, now - flow.last_seen),
    "RTT": _of_tcp(lambda flow, end, now: flow.rtt_us),
    "TCP_STATE": lambda flow, end, now: TCP_STATES.get(flow.tcp_state or ""),
    "TUNNEL": lambda flow, end, now: _TUNNELS[flow.tunnel.kind] if flow.tunnel else 0,
    "TUNNEL_ID": lambda flow, end, now: flow.tunnel.id if flow.tunnel else None,
    "END_REASON": lambda flow, end, now: END_REASONS.get(flow.end_reason or "", 0),
    "BITS_PER_SECOND": lambda flow, end, now: flow.bps,
    "PACKETS_PER_SECOND": lambda flow, end, now: flow.pps,
    "BYTES_PER_PACKET": lambda flow, end, now: flow.bytes / flow.packets if flow.packets else None,
    "ENTROPY": lambda flow, end, now: flow.entropy,
}
