# SPDX-License-Identifier: BSD-2-Clause
"""The Toeplitz hash of receive side scaling (Microsoft, "RSS Hashing Types"), and when it is symmetric."""

from __future__ import annotations

from itertools import chain

SYMMETRIC_PATTERN = b"\x6d\x5a"  # repeated; Woo and Park, "Scalable TCP Session Monitoring with Symmetric RSS", 2012
_IPV4_BITS, _IPV6_BITS, _PORT_BITS = 32, 128, 16
_WINDOW = 32


def toeplitz_hash(key: bytes, data: bytes) -> int:
    """Return the hash of ``data``: the XOR of 32 bits of ``key`` from the place of each set bit on."""
    if len(key) * 8 < len(data) * 8 + _WINDOW:
        raise ValueError(f"a key of {len(key)} bytes is too short for {len(data)} bytes")
    windows, value = _windows(key), 0
    for bit in range(len(data) * 8):
        if data[bit // 8] >> (7 - bit % 8) & 1:
            value ^= windows[bit]
    return value


def symmetric_key(size: int) -> bytes:
    """Return a key of ``size`` bytes under which both directions of a connection have the same hash."""
    return (SYMMETRIC_PATTERN * (size // 2 + 1))[:size]


def is_symmetric(key: bytes) -> bool:
    """Say whether every IPv4 and IPv6 tuple, with ports or without, hashes like the same tuple with its ends swapped.

    The hash is linear over XOR, so it is enough that each bit of one end weighs what its twin of the other weighs: no
    sampling. An empty key (a driver that does not tell) is not symmetric.
    """
    if len(key) * 8 < 2 * (_IPV6_BITS + _PORT_BITS) + _WINDOW:
        return False
    windows = _windows(key)
    return all(windows[one] == windows[other] for one, other in chain(*map(_twins, (_IPV4_BITS, _IPV6_BITS))))


def _twins(address_bits: int) -> list[tuple[int, int]]:
    """Pairs of places in (source, destination, source port, destination port) that a swap of the ends exchanges."""
    ports = 2 * address_bits
    addresses = [(bit, bit + address_bits) for bit in range(address_bits)]
    return addresses + [(bit, bit + _PORT_BITS) for bit in range(ports, ports + _PORT_BITS)]


def _windows(key: bytes) -> list[int]:
    """The 32 bits of ``key`` from each place on."""
    number, last = int.from_bytes(key, "big"), len(key) * 8 - _WINDOW
    return [number >> (last - bit) & 0xFFFFFFFF for bit in range(last + 1)]
