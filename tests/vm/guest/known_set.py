# SPDX-License-Identifier: BSD-2-Clause
"""A known set of frames and what must be seen of it, both from the same few numbers and nothing of xtop's.

Conversation ``n`` is UDP or TCP over IPv4 or IPv6 between two addresses of its own, in both directions: so its two
halves come by different RX queues of a NIC that hashes each direction for itself.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass

FORWARD, REVERSE = 5, 3  # frames of a conversation in each direction
GAP = 7  # forward payloads grow by so many bytes from frame to frame
UDP, TCP, PSH_ACK = 17, 6, 0x18
# Neither is an address of this machine: a mirror port sees strangers only.
MACS = (bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))


@dataclass(frozen=True)
class Conversation:
    """One flow of the set."""

    number: int

    @property
    def protocol(self) -> int:
        return TCP if self.number % 2 else UDP

    @property
    def version(self) -> int:
        return 6 if self.number % 4 >= 2 else 4

    def ends(self) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        """(address, port) of who began, of the other."""
        high, low = divmod(self.number, 250)
        if self.version == 4:
            pair = (bytes([10, 1, high, low + 1]), bytes([10, 2, low + 1, high]))
        else:
            prefix = bytes.fromhex("20010db8") + bytes(8)
            pair = (prefix + struct.pack(">HH", 1, self.number), prefix + struct.pack(">HH", 2, self.number))
        return (pair[0], 20000 + self.number), (pair[1], 443)

    def payloads(self, reverse: bool) -> Iterator[bytes]:
        """What its frames of one direction carry."""
        for index in range(REVERSE if reverse else FORWARD):
            length = 900 + self.number % 300 if reverse else 18 + index * GAP + self.number % 64
            seed = self.number * 31 + index * 7 + reverse
            yield bytes((seed + at * 13) & 0xFF for at in range(length))

    def frames(self) -> Iterator[bytes]:
        """Its frames: the first is forward."""
        begun, other = self.ends()
        forward = [self._frame(begun, other, payload, 0) for payload in self.payloads(False)]
        reverse = [self._frame(other, begun, payload, 1) for payload in self.payloads(True)]
        yield from (*forward[:2], *reverse, *forward[2:])

    def _frame(self, source: tuple[bytes, int], target: tuple[bytes, int], payload: bytes, side: int) -> bytes:
        ports = struct.pack(">HH", source[1], target[1])
        if self.protocol == UDP:
            transport = ports + struct.pack(">HH", 8 + len(payload), 0)
        else:
            transport = ports + struct.pack(">IIBBHHH", 1, 1, 0x50, PSH_ACK, 65535, 0, 0)
        body = transport + payload
        if self.version == 4:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), self.number, 0, 61 + side, self.protocol, 0)
            packet = _with_checksum(head + source[0] + target[0]) + body
        else:
            head = struct.pack(">IHBB", 0x60000000, len(body), self.protocol, 61 + side)
            packet = head + source[0] + target[0] + body
        kind = b"\x08\x00" if self.version == 4 else b"\x86\xdd"
        return (MACS[1 - side] + MACS[side] + kind + packet).ljust(60, b"\0")

    def expected(self) -> tuple[str, str, int, int, int, tuple[int, int, int], tuple[int, int, int]]:
        """Source, destination, ports, protocol, and (packets, bytes, payload) of each direction."""
        begun, other = self.ends()
        headers = (20 if self.version == 4 else 40) + (8 if self.protocol == UDP else 20)
        sides = []
        for reverse in (False, True):
            lengths = [len(payload) for payload in self.payloads(reverse)]
            sides.append((len(lengths), sum(lengths) + headers * len(lengths), sum(lengths)))
        source, target = (str(ipaddress.ip_address(end[0])) for end in (begun, other))
        return source, target, begun[1], other[1], self.protocol, sides[0], sides[1]


def _with_checksum(header: bytes) -> bytes:
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return header[:10] + struct.pack(">H", total) + header[12:]


def known_set(conversations: int) -> tuple[list[Conversation], list[bytes]]:
    """Conversations and their frames, those of neighbours mixed."""
    talks = [Conversation(number) for number in range(conversations)]
    each = [list(talk.frames()) for talk in talks]
    return talks, [frames[index] for index in range(FORWARD + REVERSE) for frames in each]


def content_sum(frames: list[bytes]) -> int:
    """The sum of the frames' FNV-1a hashes, modulo 2**64: the same for the same frames in any order, each once."""
    total = 0
    for frame in frames:
        value = 0xCBF29CE484222325
        for byte in frame:
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        total += value
    return total & 0xFFFFFFFFFFFFFFFF


def jumbo_set(mtu: int) -> tuple[list[bytes], list[int]]:
    """Frames of UDP, a flow each, of lengths round the places where buffers end; and their IP lengths."""
    sizes = [60, 1500, 1514, 2048, 3072, 3822, 3840, 3841, 4096, 4097, 7680, 7681, mtu - 1, mtu]
    frames = []
    for number, length in enumerate(sizes):
        payload = bytes(at & 0xFF for at in range(length - 28))
        transport = struct.pack(">HHHH", 30000 + number, 443, 8 + len(payload), 0) + payload
        head = struct.pack(">BBHHHBBH", 0x45, 0, length, number, 0, 64, UDP, 0) + bytes([10, 3, 0, 1, 10, 4, 0, 1])
        frames.append(MACS[1] + MACS[0] + b"\x08\x00" + _with_checksum(head) + transport)
    return frames, sizes
