# SPDX-License-Identifier: BSD-2-Clause
"""The captures that programs are measured on, made once and kept in build/bench: the same bytes on every machine.

Two are drawn: frames of 60 bytes, TCP and UDP, both directions of each flow, flows in no order, each at least once. Two
are real: captures of tests/scenarios laid over each other, as if they had happened at once; that again and again, and
by many homes at the same time, each with addresses of its own.
"""

from __future__ import annotations

import os
import random
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "build/bench"
SEED = 1
START_S = 1_700_000_000
MICROSECONDS = 1_000_000

PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
RECORD = struct.Struct("<IIII")  # seconds, microseconds, captured, on the wire
ETHERNET = bytes.fromhex("020000000001 020000000002 0800")
FRAME_SIZE = 60
IPV4_ADDRESSES = 8 + 14 + 12  # in a record without its time

# Real traffic of less than a minute each: browsing, a VPN, BitTorrent, a telephone, a game, a video call, TLS.
REAL = (
    *("443-curl.pcap", "anyconnect-vpn.pcap", "bittorrent.pcap", "iphone.pcap", "starcraft_battle.pcap"),
    *("wa_video.pcap", "tls_certificate_too_long.pcap"),
)

Packet = tuple[int, bytes]  # microseconds since the first of its capture, record without its time


def capture_of_flows(flows: int, packets: int) -> Path:
    """Return the capture of so many flows, made where it is not there yet."""
    return _kept(f"{flows}-flows-{packets}-packets.pcap", lambda: _drawn(flows, packets))


def capture_of_real_traffic(packets: int) -> Path:
    """Return real traffic, repeated until it has at least so many packets."""
    return _kept(f"real-{packets}-packets.pcap", lambda: _repeated(packets))


def capture_of_homes(packets: int) -> Path:
    """Return real traffic of so many homes at once that it has at least so many packets."""
    return _kept(f"homes-{packets}-packets.pcap", lambda: _homes(packets))


def warm(path: Path) -> int:
    """Read a capture, so that the page cache holds it; return its size."""
    size = 0
    with path.open("rb", buffering=0) as stream:
        while piece := stream.read(1 << 24):
            size += len(piece)
    return size


def _kept(name: str, pieces: Callable[[], Iterable[bytes]]) -> Path:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / name
    if not path.exists():
        new = path.with_suffix(f".{os.getpid()}")
        with new.open("wb") as stream:
            stream.write(PCAP_HEAD)
            stream.writelines(pieces())
        new.rename(path)
    return path


# ---- Drawn


def _drawn(flows: int, packets: int) -> Iterator[bytes]:
    """A packet each microsecond."""
    draw = random.Random(SEED)
    order = list(range(flows)) + draw.choices(range(flows), k=packets - flows)
    draw.shuffle(order)
    frames = [[_frame(flow, back) for back in (False, True)] for flow in range(flows)]
    both = draw.randbytes(packets)
    for number, flow in enumerate(order):
        seconds, rest = divmod(number, MICROSECONDS)
        yield RECORD.pack(START_S + seconds, rest, FRAME_SIZE, FRAME_SIZE) + frames[flow][both[number] & 1]


def _frame(flow: int, back: bool) -> bytes:
    """A frame of a flow: even ones are TCP (an acknowledgement), odd ones UDP."""
    ends = [(struct.pack(">I", 0x0A000000 + flow), 1024 + flow % 60000), (socket.inet_aton("198.51.100.7"), 443)]
    (source, source_port), (destination, destination_port) = reversed(ends) if back else ends
    if flow % 2:
        transport = struct.pack(">HHHH", source_port, destination_port, 26, 0) + bytes(18)
    else:
        transport = struct.pack(">HHIIBBHHH", source_port, destination_port, 1, 1, 0x50, 0x10, 512, 0, 0)
    head = [0x4500, 20 + len(transport), 0, 0x4000, 0x4000 | (17 if flow % 2 else 6), 0]
    sum16 = sum(head) + sum(struct.unpack(">4H", source + destination))
    head[5] = ~(sum16 + (sum16 >> 16)) & 0xFFFF
    return (ETHERNET + struct.pack(">6H", *head) + source + destination + transport).ljust(FRAME_SIZE, b"\0")


# ---- Real


def _minute() -> list[Packet]:
    return sorted((packet for name in REAL for packet in _read(name)), key=lambda packet: packet[0])


def _repeated(packets: int) -> Iterator[bytes]:
    """The same minute of traffic again and again; flows that come again are new ones, after half a minute of quiet."""
    minute = _minute()
    for turn in range(-(-packets // len(minute))):
        for microseconds, record in minute:
            seconds, rest = divmod(microseconds, MICROSECONDS)
            yield struct.pack("<II", START_S + turn * 90 + seconds, rest) + record


def _homes(packets: int) -> Iterator[bytes]:
    """The same minute in many homes, each of which begins it at another moment of a minute."""
    minute = _minute()
    homes = -(-packets // len(minute))
    begins = random.Random(SEED).choices(range(60 * MICROSECONDS), k=homes)
    order = sorted(
        (begin + packet[0], home, number) for home, begin in enumerate(begins) for number, packet in enumerate(minute)
    )
    for microseconds, home, number in order:
        seconds, rest = divmod(microseconds, MICROSECONDS)
        yield struct.pack("<II", START_S + seconds, rest) + _moved(minute[number][1], home)


def _moved(record: bytes, home: int) -> bytes:
    """Return a record whose IPv4 hosts have other addresses. What one half of an address gains, the other loses, modulo
    65535: so every checksum stays as right as it was."""
    if record[IPV4_ADDRESSES - 14 : IPV4_ADDRESSES - 12] != ETHERNET[-2:]:
        return record
    halves = list(struct.unpack_from(">4H", record, IPV4_ADDRESSES))
    for at in (0, 2):
        if halves[at] < 0xE000:  # to many hosts: the same for all homes
            halves[at : at + 2] = (halves[at] + home) % 0xFFFF, (halves[at + 1] - home) % 0xFFFF
    return record[:IPV4_ADDRESSES] + struct.pack(">4H", *halves) + record[IPV4_ADDRESSES + 8 :]


def _read(name: str) -> Iterator[Packet]:
    """The packets of a capture file, whatever its format, by editcap."""
    with tempfile.TemporaryDirectory() as directory:
        plain = Path(directory) / "plain"
        subprocess.run(["editcap", "-F", "pcap", ROOT / "tests/scenarios/pcaps" / name, plain], check=True)
        data = plain.read_bytes()
    at, first = len(PCAP_HEAD), None
    while at < len(data):
        seconds, rest, captured, wire = RECORD.unpack_from(data, at)
        time = seconds * MICROSECONDS + rest
        first = time if first is None else first
        at += RECORD.size + captured
        yield max(0, time - first), struct.pack("<II", captured, wire) + data[at - captured : at]
