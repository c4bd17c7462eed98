# SPDX-License-Identifier: BSD-2-Clause
"""Addresses that leave the machine, made unrecognisable: Crypto-PAn (Xu, Fan, Ammar, Moon, ICNP 2002), with AES.

Two addresses that share their first n bits share exactly the first n bits afterwards, so that networks stay networks;
under one key an address always becomes the same. Bit i of the result is bit i of the address, turned round where AES
says so of the i bits before it. With the same key, IPv4 addresses become what nfdump's nfanon makes of them.
"""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_address
from pathlib import Path

import mmh3
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from xtop.source import SourceError

KEY_SIZE = 32
KEY_FILE_MOST = 4096  # bytes, more than any way to write a key takes
KEY_VARIABLE = "XTOP_ANONYMIZE_KEY"
CACHED_MOST = 1 << 20  # addresses; then the cache begins anew
BLOCK_BITS = 128
FLOW_KEY_SIZE = 40  # struct xtop_key: two addresses of 16 bytes, ports, VLAN, protocol, IP version


class Anonymizer:
    """Addresses under one key of 32 bytes: half of it is AES's, half makes what addresses are padded with."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"a key has {KEY_SIZE} bytes")
        self._encrypt = Cipher(algorithms.AES(key[:16]), modes.ECB()).encryptor().update
        self._padding = int.from_bytes(self._encrypt(key[16:]), "big")
        self._known: dict[bytes, bytes] = {}

    def address(self, packed: bytes) -> bytes:
        """Return what stands for an address of 4 or 16 bytes."""
        if packed not in self._known:
            if len(self._known) >= CACHED_MOST:
                self._known.clear()
            self._known[packed] = self._turned(packed)
        return self._known[packed]

    def text(self, address: str) -> str:
        """Return what stands for an address as text; text that is none stays."""
        try:
            packed = ip_address(address).packed
        except ValueError:
            return address
        return str(ip_address(self.address(packed)))

    def flow_key(self, key: bytes) -> bytes:
        """Return a flow's key (bytes of struct xtop_key) with both addresses replaced; ends stay where they are."""
        size = 4 if key[FLOW_KEY_SIZE - 1] == 4 else 16
        ends = [key[:16], key[16:32]]
        return b"".join(self.address(end[:size]).ljust(16, b"\0") for end in ends) + key[32:]

    def _turned(self, packed: bytes) -> bytes:
        bits = 8 * len(packed)
        address = int.from_bytes(packed, "big") << (BLOCK_BITS - bits)
        blocks = bytearray()
        for known in range(bits):
            low = (1 << (BLOCK_BITS - known)) - 1
            blocks += ((address & ~low) | (self._padding & low)).to_bytes(16, "big")
        answers = self._encrypt(bytes(blocks))
        turn = 0
        for first in answers[::16]:
            turn = turn << 1 | first >> 7
        return (int.from_bytes(packed, "big") ^ turn).to_bytes(len(packed), "big")


def flow_id(key: bytes) -> int:
    """Return the flow id of a key: an id of the true addresses would give them away to who tries them all."""
    return mmh3.hash(key, 0, signed=False)


def make_anonymizer(key_file: str | None) -> Anonymizer:
    """Return one with the key of ``key_file``, of $XTOP_ANONYMIZE_KEY, or for this run alone (SourceError)."""
    if key_file is not None:
        try:
            with Path(key_file).open("rb") as stream:
                content = stream.read(KEY_FILE_MOST)  # a device has no end
        except OSError as error:
            raise SourceError(
                f"cannot read the key {key_file} ({error.strerror}; give a file of 32 bytes)", 2
            ) from None
        return Anonymizer(_key(content, f"the file {key_file}"))
    given = os.environ.get(KEY_VARIABLE)
    return Anonymizer(_key(given.encode(), f"${KEY_VARIABLE}") if given else secrets.token_bytes(KEY_SIZE))


def _key(content: bytes, where: str) -> bytes:
    """Read a key: 32 bytes, or 64 hexadecimal digits."""
    if len(content) == KEY_SIZE:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise SourceError(
            f"{where} holds no key (32 bytes or 64 hexadecimal digits; make one: openssl rand -hex 32)", 2
        )
    return key
