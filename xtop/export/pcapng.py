# SPDX-License-Identifier: BSD-2-Clause
"""Packets as pcapng (draft-ietf-opsawg-pcapng): one section, one interface, times in nanoseconds."""

from __future__ import annotations

import struct
from typing import BinaryIO

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
END_OF_OPTIONS, IF_NAME, IF_TSRESOL, SHB_USERAPPL, ISB_IFRECV, ISB_OSDROP = 0, 2, 9, 4, 4, 7
NANOSECONDS = b"\x09"  # if_tsresol: 10^-9
ANY_LENGTH = 0xFFFFFFFFFFFFFFFF


class PcapngWriter:
    """Writes to ``stream``; every number is little endian."""

    def __init__(self, stream: BinaryIO, interface: str, link_type: int) -> None:
        """Write the section's and the interface's headers; ``link_type`` is a LINKTYPE_ number."""
        self._stream = stream
        section = struct.pack("<IHHQ", BYTE_ORDER_MAGIC, 1, 0, ANY_LENGTH)
        self._block(SECTION, section + _options((SHB_USERAPPL, b"xtop")))
        name = interface.encode("utf-8", "replace")
        described = struct.pack("<HHI", link_type, 0, 0)
        self._block(INTERFACE, described + _options((IF_NAME, name), (IF_TSRESOL, NANOSECONDS)))

    def packet(self, time: int, length: int, data: bytes) -> None:
        """Write one packet: ``time`` in ns since the epoch, ``length`` what was on the wire."""
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), length)
        self._block(PACKET, head + _padded(data))

    def statistics(self, time: int, received: int, lost: int) -> None:
        """Say how many packets there were, and how many of them are not in this file."""
        head = struct.pack("<III", 0, time >> 32, time & 0xFFFFFFFF)
        counts = ((ISB_IFRECV, struct.pack("<Q", received)), (ISB_OSDROP, struct.pack("<Q", lost)))
        self._block(STATISTICS, head + _options(*counts))

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        self._stream.write(struct.pack("<I", kind) + size + body + size)


def _options(*options: tuple[int, bytes]) -> bytes:
    written = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return written + struct.pack("<HH", END_OF_OPTIONS, 0)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
