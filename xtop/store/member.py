# SPDX-License-Identifier: BSD-2-Clause
"""A moment as a member of a gzip file (RFC 1952), which says in its header when it is and how long.

A file of such members is one that gzip and zcat read as any other; who looks for a moment reads headers alone. The
header's extra field (RFC 1952, 2.3.1.1) is "XT": the time (ns), the member's size, bits and packets per second.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

from xtop.store.fields import Damaged
from xtop.units import NANOSECONDS

_HEADER = struct.Struct("<4BIBBH2sHQIdd")  # the fixed part, XLEN, the subfield's name and length, the subfield
_TRAILER = struct.Struct("<II")  # CRC-32 and length of what was packed
_EXTRA = struct.calcsize("<QIdd")
_DEFLATE, _HAS_EXTRA, _UNIX = 8, 4, 3
LEVEL = 3  # of zlib: higher ones save a few per cent more for twice the time
MOST_BYTES = 64 << 20  # of a moment unpacked: more, and it is none of ours
HEADER_SIZE = _HEADER.size


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a moment: its time (ns), the size of the whole member, the rates of all its traffic."""

    taken_at: int
    size: int
    bps: float
    pps: float


def packed(line: bytes, taken_at: int, bps: float, pps: float) -> bytes:
    """Return ``line`` as a member."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    content = packer.compress(line) + packer.flush()
    size = _HEADER.size + len(content) + _TRAILER.size
    seconds = min(max(taken_at // NANOSECONDS, 0), 0xFFFFFFFF)
    header = _HEADER.pack(
        *(0x1F, 0x8B, _DEFLATE, _HAS_EXTRA, seconds, 0, _UNIX),
        *(_EXTRA + 4, b"XT", _EXTRA, taken_at, size, bps, pps),
    )
    return header + content + _TRAILER.pack(zlib.crc32(line), len(line) & 0xFFFFFFFF)


def header_of(start: bytes) -> Header:
    """Return the header that ``start``, the first HEADER_SIZE bytes of a member, holds; raises Damaged."""
    if len(start) < _HEADER.size:
        raise Damaged("a moment breaks off")
    *fixed, _seconds, _level, _system, length, name, inner, taken_at, size, bps, pps = _HEADER.unpack(start)
    if fixed != [0x1F, 0x8B, _DEFLATE, _HAS_EXTRA] or (length, name, inner) != (_EXTRA + 4, b"XT", _EXTRA):
        raise Damaged("here is no moment of xtop's")
    if size < _HEADER.size + _TRAILER.size or not (math.isfinite(bps) and math.isfinite(pps)):
        raise Damaged("a moment's header is damaged")
    return Header(taken_at, size, bps, pps)


def unpacked(member: bytes) -> bytes:
    """Return the line that a whole ``member`` holds; raises Damaged."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        line = unpacker.decompress(member[_HEADER.size :], MOST_BYTES)
    except zlib.error as error:
        raise Damaged(f"a moment cannot be unpacked ({error})") from None
    trailer = unpacker.unused_data
    if not unpacker.eof or len(trailer) != _TRAILER.size:
        raise Damaged("a moment is longer or shorter than it says")
    if _TRAILER.unpack(trailer) != (zlib.crc32(line), len(line)):
        raise Damaged("a moment's check sum is wrong")
    return line
