# SPDX-License-Identifier: BSD-2-Clause
"""SIOCETHTOOL, for what ethtool's netlink lacks (or lacked in Debian 12's kernel): the driver's name, its RSS."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from dataclasses import dataclass

from xtop.ethtool.refusal import Refusal

_SIOCETHTOOL = 0x8946
_GDRVINFO = 0x3
_DRVINFO_SIZE = 196  # struct ethtool_drvinfo: cmd, then 32 bytes each of driver, version, firmware, bus
_SGRO = 0x2C
_VALUE = struct.Struct("=II")  # struct ethtool_value: cmd, data
_GRSSH, _SRSSH = 0x46, 0x47
_RXFH = struct.Struct("=IIIIBBxxI")  # struct ethtool_rxfh: cmd, context, indir_size, key_size, hfunc, input_xfrm, -, -
_TABLE_DEFAULT = 0  # as indir_size: the driver's own spread
_TABLE_KEEP = 0xFFFFFFFF  # ETH_RXFH_INDIR_NO_CHANGE
_FUNCTIONS = ((1, "toeplitz"), (2, "xor"), (4, "crc32"))
_TRANSFORMS = {0: None, 1: "symmetric-xor", 2: "symmetric-or-xor"}


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """Who drives an interface, and where it sits ("0000:03:00.0"; empty where it sits on no bus)."""

    driver: str
    bus: str


@dataclass(frozen=True, slots=True)
class Rss:
    """How a NIC spreads packets over its queues (linux/ethtool.h, struct ethtool_rxfh)."""

    function: str  # "toeplitz", "xor", "crc32", "" = not told
    transform: str | None  # what is done to the addresses before they are hashed; None = nothing, or not told
    key: bytes  # empty where the driver does not tell
    table: tuple[int, ...]  # the queue of each value of the hash's low bits; empty where there is none
    raw_transform: int = 0


def read_driver(interface: str) -> DriverInfo:
    """Return who drives ``interface``; raise Refusal."""
    answer = _ask(interface, struct.pack("=I", _GDRVINFO).ljust(_DRVINFO_SIZE, b"\0"))
    return DriverInfo(_text(answer[4:36]), _text(answer[100:132]))


def read_rss(interface: str) -> Rss:
    """Return the RSS of ``interface``; raise Refusal, also where its driver has none."""
    sizes = _RXFH.unpack(_ask(interface, _RXFH.pack(_GRSSH, 0, 0, 0, 0, 0, 0)))
    entries, key_size = sizes[2], sizes[3]
    request = _RXFH.pack(_GRSSH, 0, entries, key_size, 0, 0, 0).ljust(_RXFH.size + 4 * entries + key_size, b"\0")
    answer = _ask(interface, request)
    function, transform = _RXFH.unpack(answer[: _RXFH.size])[4:6]
    at = _RXFH.size + 4 * entries
    return Rss(
        function=next((name for bit, name in _FUNCTIONS if function & bit), ""),
        transform=_TRANSFORMS.get(transform),
        key=answer[at : at + key_size],
        table=struct.unpack(f"={entries}I", answer[_RXFH.size : at]),
        raw_transform=transform,
    )


def write_gro(interface: str, on: bool) -> None:
    """Ask for generic receive offload to be on or off; raise Refusal."""
    _ask(interface, _VALUE.pack(_SGRO, on))


def write_rss_key(interface: str, key: bytes) -> None:
    """Set the hash key and nothing else; raise Refusal."""
    _write_rss(interface, _TABLE_KEEP, b"", key)


def write_rss_table(interface: str, table: tuple[int, ...] | None) -> None:
    """Set the table and nothing else, None = the driver's own equal spread; raise Refusal."""
    if table is None:
        _write_rss(interface, _TABLE_DEFAULT, b"", b"")
    else:
        _write_rss(interface, len(table), struct.pack(f"={len(table)}I", *table), b"")


def _write_rss(interface: str, table_size: int, table: bytes, key: bytes) -> None:
    transform = read_rss(interface).raw_transform  # there is no "keep" that older kernels know, so: as it is
    head = _RXFH.pack(_SRSSH, 0, table_size, len(key), 0, transform, 0)
    _ask(interface, head + table + key)


def _ask(interface: str, request: bytes) -> bytes:
    """Have the kernel answer ``request``, a structure of ethtool's that it fills in place."""
    room = array.array("B", request)
    pointer = struct.pack("16sP16x", interface.encode()[:15], room.buffer_info()[0])  # struct ifreq
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            fcntl.ioctl(asker, _SIOCETHTOOL, pointer)
        except OSError as error:
            raise Refusal(error.errno or 0) from None
    return room.tobytes()


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")
