# SPDX-License-Identifier: BSD-2-Clause
"""A frame as it may leave the machine: addresses replaced, checksums mended, and nothing behind the headers.

What is understood is kept: Ethernet, VLAN tags, IPv4 and IPv6 with extension headers, IP in IP, TCP, UDP, and of ICMP
its first eight bytes. The frame ends where that ends, so that no payload, no tunnel's inside and no packet that an ICMP
error quotes goes out with true addresses in it. Checksums are mended by the difference (RFC 1624): right ones stay
right of the packet as a whole, wrong ones wrong.
"""

from __future__ import annotations

import struct

from xtop.anonymizer import Anonymizer

ETHERNET, RAW_IP, COOKED, COOKED_2, BSD_LOOPBACK = 1, 101, 113, 276, 0  # LINKTYPE_
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
IPV4, IPV6 = 0x0800, 0x86DD
IP_IN_IP = {4: IPV4, 41: IPV6}
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
EXTENSIONS = (0, 43, 60)  # hop-by-hop, routing, destination options
TCP_OPTIONS_SHOWN = (2, 3, 4, 5, 8)  # MSS, window scale, SACK, time stamps; of MPTCP some hold addresses
ROUTING, FRAGMENT, AH, DESTINATION = 43, 44, 51, 60
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMPV6: 2}


def anonymized_frame(anonymizer: Anonymizer, link_type: int, data: bytes) -> bytes:
    """Return what may be shown of ``data``, a frame of the LINKTYPE_ ``link_type``; where it is strange, nothing."""
    frame = bytearray(data)
    at, kind = _link(frame, link_type)
    end = _ip(anonymizer, frame, at, kind) if kind in (IPV4, IPV6) else at
    return bytes(frame[:end])


def _link(frame: bytearray, link_type: int) -> tuple[int, int]:
    """Take the hardware addresses out; return where the next header begins, and its EtherType (0 = not understood)."""
    if link_type == ETHERNET and len(frame) >= 14:
        frame[0:6] = _mac(frame[0:6])
        frame[6:12] = _mac(frame[6:12])
        at = 12
        while at + 6 <= len(frame) and _word(frame, at) in VLAN_TYPES:
            at += 4
        return at + 2, _word(frame, at)
    if link_type == RAW_IP and frame:
        return 0, {4: IPV4, 6: IPV6}.get(frame[0] >> 4, 0)
    if link_type == COOKED and len(frame) >= 16:
        frame[6:14] = bytes(8)
        return 16, _word(frame, 14)
    if link_type == COOKED_2 and len(frame) >= 20:
        frame[12:20] = bytes(8)
        return 20, _word(frame, 0)
    if link_type == BSD_LOOPBACK and len(frame) >= 5:
        return 4, {4: IPV4, 6: IPV6}.get(frame[4] >> 4, 0)
    return 0, 0


def _mac(address: bytearray) -> bytes:
    """Return a hardware address of nobody; whether it was a group's stays to be seen."""
    return bytes([0x03, 0, 0, 0, 0, 0] if address[0] & 1 else [0x02, 0, 0, 0, 0, 0])


def _ip(anonymizer: Anonymizer, frame: bytearray, at: int, kind: int) -> int:
    """Replace the addresses from ``at`` on; return where what may be shown ends."""
    if kind == IPV4:
        return _ipv4(anonymizer, frame, at)
    return _ipv6(anonymizer, frame, at)


def _ipv4(anonymizer: Anonymizer, frame: bytearray, at: int) -> int:
    header = (frame[at] & 15) * 4 if at < len(frame) else 0
    if header < 20 or at + header > len(frame):
        return at
    before = bytes(frame[at + 12 : at + header])
    for place in (at + 12, at + 16):
        frame[place : place + 4] = anonymizer.address(bytes(frame[place : place + 4]))
    frame[at + 20 : at + header] = _blank_options(frame[at + 20 : at + header])
    _mend(frame, at + 10, before, bytes(frame[at + 12 : at + header]))
    protocol = frame[at + 9]
    if _word(frame, at + 6) & 0x1FFF:  # a later fragment: no header follows
        return at + header
    addresses = bytes(frame[at + 12 : at + 20])
    return _transport(anonymizer, frame, at + header, protocol, before[:8], addresses)


def _blank_options(options: bytearray) -> bytes:
    """Return options that say nothing: record route, time stamps and source routes hold addresses."""
    return bytes([1] * len(options))


def _ipv6(anonymizer: Anonymizer, frame: bytearray, at: int) -> int:
    if at + 40 > len(frame):
        return at
    before = bytes(frame[at + 8 : at + 40])
    for place in (at + 8, at + 24):
        frame[place : place + 16] = anonymizer.address(bytes(frame[place : place + 16]))
    after = bytes(frame[at + 8 : at + 40])
    protocol, at = frame[at + 6], at + 40
    while protocol in (*EXTENSIONS, FRAGMENT, AH) and at + 8 <= len(frame):
        size = 8 if protocol == FRAGMENT else (frame[at + 1] + 2) * 4 if protocol == AH else (frame[at + 1] + 1) * 8
        if at + size > len(frame) or (protocol == FRAGMENT and _word(frame, at + 2) & 0xFFF8):
            return min(at + 8, len(frame))
        if protocol in (ROUTING, DESTINATION):  # addresses are in there, and perhaps in the checksum
            return at
        protocol, at = frame[at], at + size
    return _transport(anonymizer, frame, at, protocol, before, after)


def _transport(anonymizer: Anonymizer, frame: bytearray, at: int, protocol: int, before: bytes, after: bytes) -> int:
    if protocol in IP_IN_IP:
        return _ip(anonymizer, frame, at, IP_IN_IP[protocol])
    size = {TCP: (frame[at + 12] >> 4) * 4 if at + 12 < len(frame) else 20, UDP: 8, ICMP: 8, ICMPV6: 8}.get(protocol, 0)
    if protocol == TCP and 20 < size <= len(frame) - at:
        _blank_tcp_options(frame, at, at + size)
    checksum = at + CHECKSUM_AT.get(protocol, 0)
    whole = protocol in CHECKSUM_AT and checksum + 2 <= len(frame)
    if whole and not (protocol == UDP and _word(frame, checksum) == 0):  # 0: none was computed
        _mend(frame, checksum, before, after)
        if protocol == UDP and _word(frame, checksum) == 0:
            frame[checksum : checksum + 2] = b"\xff\xff"
    if protocol in (ICMP, ICMPV6) and at < len(frame) and not _is_echo(protocol, frame[at]):
        size = 4  # behind it may be an address: a redirect's gateway
    return min(at + size, len(frame))


def _blank_tcp_options(frame: bytearray, header: int, end: int) -> None:
    """Put no-operations where an option is that may not be shown."""
    before = bytes(frame[header + 20 : end])
    at = header + 20
    while at < end and frame[at] != 0:
        size = 1 if frame[at] == 1 else frame[at + 1] if at + 1 < end else 1
        size = size if 0 < size <= end - at else end - at
        if frame[at] not in TCP_OPTIONS_SHOWN:
            frame[at : at + size] = bytes([1] * size)
        at += size
    _mend(frame, header + CHECKSUM_AT[TCP], before, bytes(frame[header + 20 : end]))


def _is_echo(protocol: int, kind: int) -> bool:
    return kind in ((0, 8) if protocol == ICMP else (128, 129))


def _word(frame: bytes | bytearray, at: int) -> int:
    return int(struct.unpack_from("!H", frame, at)[0]) if at + 2 <= len(frame) else 0


def _mend(frame: bytearray, at: int, before: bytes, after: bytes) -> None:
    """Make the checksum at ``at`` one of ``after`` where it was one of ``before`` (RFC 1624, equation 3)."""
    total = ~_word(frame, at) & 0xFFFF
    words = f"!{len(before) // 2}H"
    for old, new in zip(struct.unpack(words, before), struct.unpack(words, after), strict=True):
        total += (~old & 0xFFFF) + new
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", frame, at, ~total & 0xFFFF)
