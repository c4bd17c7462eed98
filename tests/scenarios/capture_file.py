# SPDX-License-Identifier: BSD-2-Clause
"""Capture files written byte for byte, so that lengths, times and link types are what a test says."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND  # a time that leaves no fraction behind

ETHERNET, RAW_IP, LINUX_SLL, LINUX_SLL2, BSD_NULL, IEEE802_11 = 1, 101, 113, 276, 0, 105


@dataclass(frozen=True)
class Frame:
    """A frame of a capture file."""

    data: bytes
    time: int = START  # ns since the epoch
    wire: int | None = None  # length on the wire; None = as captured


def write_pcap(
    path: Path, frames: Iterable[Frame], link: int = ETHERNET, order: str = "<", nanoseconds: bool = True
) -> Path:
    """Write a pcap file of either byte order and either resolution."""
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for frame in frames:
        seconds, rest = divmod(frame.time, SECOND)
        wire = len(frame.data) if frame.wire is None else frame.wire
        parts += [struct.pack(order + "IIII", seconds, rest // unit, len(frame.data), wire), frame.data]
    path.write_bytes(b"".join(parts))
    return path


def every(step: int, frames: Iterable[bytes], start: int = START) -> list[Frame]:
    """Frames `step` nanoseconds apart."""
    return [Frame(data, start + number * step) for number, data in enumerate(frames)]
