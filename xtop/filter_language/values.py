# SPDX-License-Identifier: BSD-2-Clause
"""Reads the words that a flow is compared with: addresses, ports, numbers with units, names. ValueError: why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from math import ceil, floor, inf, nextafter

from xtop.filter_language.program import Node, Range, Test, joined
from xtop.filter_language.services import service_ports
from xtop.filter_language.words import BY_NAME, IP_VERSIONS, PROTOCOLS

U64_MAX = (1 << 64) - 1
EVERY_NUMBER = (0, U64_MAX)
NOTHING = (1, 0)

_PARTIAL = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,3})(?:/(\d{1,2}))?", re.ASCII)
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(.*)", re.ASCII)
_SPAN = re.compile(r"(.*\d[^-]*)-(\d.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unit:
    """How a number may be written. ``suffixes`` are tried behind a factor k, M, G, T (Ki … for 1024) where allowed."""

    suffixes: Mapping[str, Decimal] = field(default_factory=dict)
    default: Decimal = Decimal(1)
    factors: bool = True
    example: str = "a number, like 100, 10k or 1.5M"


_SECONDS = {
    "us": "0.000001",
    "µs": "0.000001",
    "ms": "0.001",
    "s": "1",
    "m": "60",
    "min": "60",
    "h": "3600",
    "d": "86400",
}


def _times(per_second: int) -> Unit:
    known = {name: Decimal(seconds) * per_second for name, seconds in _SECONDS.items()}
    return Unit(known, Decimal(per_second), False, "a time, like 10s, 5m or 100ms")


UNITS: Mapping[str, Unit] = {
    "count": Unit(),
    "real": Unit(),
    "bytes": Unit({"B": Decimal(1)}, example="a number of bytes, like 1500, 10k or 1.5MB"),
    "bps": Unit(
        {name: Decimal(1) for name in ("bps", "bit/s", "bit", "b/s", "b")} | {"B/s": Decimal(8), "B": Decimal(8)},
        example="a rate in bits, like 1M, or in bytes, like 10MB/s",
    ),
    "time": _times(10**9),
    "microseconds": _times(10**6),
}
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def read_number(text: str, unit_name: str) -> Decimal:
    """Return the number that ``text`` says, in the field's own unit."""
    unit = UNITS[unit_name]
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > 40:
        raise ValueError(f"'{text}' is not {unit.example}")
    number, rest = Decimal(match[1]), match[2]
    if rest in unit.suffixes:
        return number * unit.suffixes[rest]
    if not rest:
        return number * unit.default
    for suffix, worth in [("", unit.default), *unit.suffixes.items()]:
        factor = rest.removesuffix(suffix).lower()
        if unit.factors and rest.endswith(suffix) and factor in _FACTORS:
            return number * worth * _FACTORS[factor]
    raise ValueError(f"'{rest}' is no unit here: {unit.example}")


def number_range(text: str, comparison: str, unit: str, real: bool) -> Range:
    """Return what ``comparison`` with ``text`` leaves: least and greatest, inclusive. ``A-B`` is a range itself."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        if comparison != "=":
            raise ValueError(f"'{text}' is a range, and cannot be compared by {comparison}")
        least, greatest = read_number(span[1], unit), read_number(span[2], unit)
        if least > greatest:
            raise ValueError(f"'{text}' begins after its end")
        return (float(least), float(greatest)) if real else _clipped(ceil(least), floor(greatest))
    value = read_number(text, unit)
    return _real_range(float(value), comparison) if real else _integer_range(value, comparison)


def _integer_range(value: Decimal, comparison: str) -> tuple[int, int]:
    if comparison == ">":
        return _clipped(floor(value) + 1, U64_MAX)
    if comparison == ">=":
        return _clipped(ceil(value), U64_MAX)
    if comparison == "<":
        return _clipped(0, ceil(value) - 1)
    if comparison == "<=":
        return _clipped(0, floor(value))
    return _clipped(ceil(value), floor(value))


def _clipped(least: int, greatest: int) -> tuple[int, int]:
    return NOTHING if least > min(greatest, U64_MAX) else (least, min(greatest, U64_MAX))


def _real_range(value: float, comparison: str) -> tuple[float, float]:
    if comparison in (">", ">="):
        return (nextafter(value, inf) if comparison == ">" else value), inf
    if comparison in ("<", "<="):
        return -inf, (nextafter(value, -inf) if comparison == "<" else value)
    return value, value


def read_network(text: str, partial: bool = False) -> IPv4Network | IPv6Network:
    """Return the address or prefix that ``text`` says; ``partial``: ``10`` and ``192.168`` are prefixes as well."""
    match = _PARTIAL.fullmatch(text)
    if match is not None and (partial or match[2] is not None or match[1].count(".") == 3):
        parts = match[1].split(".")
        length = match[2] if match[2] is not None else str(8 * len(parts))
        text = ".".join(parts + ["0"] * (4 - len(parts))) + f"/{length}"
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"'{text}' is no address or prefix (names are not looked up)") from None


def masked(address: str, mask: str) -> IPv4Network:
    """Return ``net ADDRESS mask MASK``."""
    try:
        parts = address.split(".")
        return IPv4Network((".".join(parts + ["0"] * (4 - len(parts))), mask), strict=False)
    except ValueError:
        raise ValueError(f"{address} mask {mask} is no IPv4 network") from None


def network_test(network: IPv4Network | IPv6Network, end: int) -> Test:
    """Return whether the address of ``end`` lies in ``network``."""
    value, mask = network.network_address.packed.ljust(16, b"\0"), network.netmask.packed.ljust(16, b"\0")
    return Test(f"ADDRESS_V{network.version}", end, (value, mask))


def is_address(text: str) -> bool:
    """Say whether ``text`` is a whole address, not a prefix or a part."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def read_ports(text: str, comparison: str = "=") -> list[tuple[int, int]]:
    """Return the ranges of port numbers that ``text`` says: number, range or service name."""
    ports = service_ports().get(text.lower())
    if ports is None and not text[:1].isdigit():
        raise ValueError(f"'{text}' is no port number and no service{nearest(text, service_ports())}")
    if ports is not None:
        if comparison == "=":
            return [(port, port) for port in sorted(ports)]
        text = str(min(ports))
    numbers = [part for part in text.split("-") if part.isascii() and part.isdigit() and int(part[:9]) < 65536]
    if "-".join(numbers) != text or len(numbers) > 2:
        raise ValueError(f"'{text}' is no port: 0 to 65535, a range like 1024-65535, or a service name")
    least, greatest = number_range(text, comparison, "count", real=False)
    return [(int(least), int(greatest))]


def read_protocol(text: str) -> Node:
    """Return the test for a protocol's name or number; ``ip`` and ``ip6`` are versions."""
    name = text.lower().removeprefix("\\")  # as tcpdump has it: proto \tcp
    if name in IP_VERSIONS:
        return version_test(name)
    if name.isascii() and name.isdigit() and len(name) < 4 and int(name) < 256:
        return Test("PROTOCOL", 0, (int(name), int(name)))
    if name not in PROTOCOLS:
        raise ValueError(f"'{text}' is no protocol (a name like tcp, or 0 to 255){nearest(name, PROTOCOLS)}")
    return Test("PROTOCOL", 0, (PROTOCOLS[name], PROTOCOLS[name]))


def version_test(name: str) -> Test:
    """Return the test for ``ip``, ``ip6`` and their like."""
    return Test("IP_VERSION", 0, (IP_VERSIONS[name], IP_VERSIONS[name]))


def nearest(word: str, known: Mapping[str, object]) -> str:
    """Return the words that ask whether another word was meant, or nothing."""
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.65) if len(word) > 2 else []
    return f"; did you mean {near[0]}?" if near else ""


def read_alone(text: str, ends: tuple[int, ...]) -> Node:
    """Return what a word without any qualifier means: a port, an address or prefix, a service."""
    if text[:1].isdigit() and text.replace("-", "").isdigit():
        return ports_test(read_ports(text), ends)
    if text.lower() in service_ports():
        return ports_test(read_ports(text), ends)
    try:
        network = read_network(text)
    except ValueError:
        known = {**BY_NAME, **PROTOCOLS, **service_ports()}
        near = nearest(text, {**BY_NAME, **PROTOCOLS}) or nearest(text, known)
        raise ValueError(f"'{text}' is no word, address, port, protocol or service{near}") from None
    return joined("or", [network_test(network, end) for end in ends])


def ports_test(ranges: list[tuple[int, int]], ends: tuple[int, ...]) -> Node:
    """Return whether a port of one of ``ends`` lies in one of ``ranges``."""
    return joined("or", [Test("PORT", end, span) for span in ranges for end in ends])
