# SPDX-License-Identifier: BSD-2-Clause
"""The hash against the vectors of Microsoft's "Verifying the RSS Hash Calculation"; symmetry by the hash itself."""

from __future__ import annotations

import ipaddress
import random

import pytest

from xtop.toeplitz import is_symmetric, symmetric_key, toeplitz_hash

KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")  # Microsoft's

# destination, its port, source, its port, hash of the addresses, hash with the ports
VECTORS = [
    ("161.142.100.80", 1766, "66.9.149.187", 2794, 0x323E8FC2, 0x51CCC178),
    ("65.69.140.83", 4739, "199.92.111.2", 14230, 0xD718262A, 0xC626B0EA),
    ("12.22.207.184", 38024, "24.19.198.95", 12898, 0xD2D0A5DE, 0x5C2B394A),
    ("209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xAFC7327F),
    ("202.188.127.2", 1303, "153.39.163.191", 44251, 0x5D1809C5, 0x10E828A2),
    ("3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2CC18CD5, 0x40207D3D),
    ("ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0F0C461C, 0xDDE51BBF),
    ("fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4B61E985, 0x02D1FEEF),
]


def packed(source: str, destination: str) -> bytes:
    return ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[2])
def test_the_published_vectors(vector: tuple[str, int, str, int, int, int]) -> None:
    destination, to_port, source, from_port, plain, with_ports = vector
    ports = from_port.to_bytes(2, "big") + to_port.to_bytes(2, "big")
    assert toeplitz_hash(KEY, packed(source, destination)) == plain
    assert toeplitz_hash(KEY, packed(source, destination) + ports) == with_ports


def swapped_tuples_agree(key: bytes, seed: int) -> bool:
    """The definition, by sampling: the hash of tuples and of the same tuples with their ends swapped."""
    pick = random.Random(seed)
    for size in (4, 16):
        for _ in range(20):
            one, other = pick.randbytes(size), pick.randbytes(size)
            here, there = pick.randbytes(2), pick.randbytes(2)
            if toeplitz_hash(key, one + other + here + there) != toeplitz_hash(key, other + one + there + here):
                return False
    return True


def test_the_pattern_is_symmetric_and_microsofts_key_is_not() -> None:
    assert is_symmetric(symmetric_key(40))
    assert swapped_tuples_agree(symmetric_key(40), 1)
    assert symmetric_key(52).startswith(b"\x6d\x5a\x6d\x5a")
    assert len(symmetric_key(52)) == 52
    assert is_symmetric(symmetric_key(52))
    assert not is_symmetric(KEY)
    assert not swapped_tuples_agree(KEY, 1)


def test_one_wrong_bit_anywhere_is_found() -> None:
    """A check of IPv4 alone, or without the ports, would overlook most of them."""
    for bit in range(319):  # 288 bits of an IPv6 tuple with ports, and the 31 after the last: bit 319 weighs nothing
        key = bytearray(symmetric_key(40))
        key[bit // 8] ^= 0x80 >> bit % 8
        assert not swapped_tuples_agree(bytes(key), bit), bit
        assert not is_symmetric(bytes(key)), bit


@pytest.mark.parametrize("key", [b"", b"\x6d\x5a" * 19])
def test_a_key_too_short_for_ipv6_with_ports_is_not_called_symmetric(key: bytes) -> None:
    assert not is_symmetric(key)
