# SPDX-License-Identifier: BSD-2-Clause
"""Addresses for others: the published examples, prefixes bit by bit, and frames whose checksums stay right."""

from __future__ import annotations

import socket
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrRouting
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import RawPcapNgReader

from xtop.anonymized_frame import ETHERNET, RAW_IP, anonymized_frame
from xtop.anonymizer import Anonymizer, make_anonymizer
from xtop.flow_packets import FRAME, HEAD, FlowPackets
from xtop.source import SourceError

# The key and some addresses of the sample trace that comes with the authors' own Crypto-PAn 1.0.
SAMPLE_KEY = bytes(
    [21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16]
    + [216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2]
)
SAMPLES = {
    "128.11.68.132": "135.242.180.132",
    "129.118.74.4": "134.136.186.123",
    "130.132.252.244": "133.68.164.234",
    "141.223.7.43": "141.167.8.160",
    "141.233.145.108": "141.129.237.235",
    "152.163.225.39": "151.140.114.167",
    "156.29.3.236": "147.225.12.42",
    "165.247.96.84": "162.9.99.234",
    "166.107.77.190": "160.132.178.185",
    "192.102.249.13": "252.138.62.131",
}
ONE = Anonymizer(SAMPLE_KEY)
V4 = st.integers(0, (1 << 32) - 1).map(lambda number: IPv4Address(number).packed)
V6 = st.integers(0, (1 << 128) - 1).map(lambda number: IPv6Address(number).packed)


@pytest.mark.parametrize(("address", "wanted"), SAMPLES.items())
def test_the_authors_own_examples(address: str, wanted: str) -> None:
    assert ONE.text(address) == wanted


def shared_bits(one: bytes, other: bytes) -> int:
    """How many bits from the left are the same."""
    different = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return 8 * len(one) - different.bit_length()


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.tuples(V4, V4), st.tuples(V6, V6)), st.integers(0, 127), st.binary(min_size=32, max_size=32))
def test_as_long_a_prefix_is_shared_as_before(pair: tuple[bytes, bytes], near: int, key: bytes) -> None:
    anonymizer = Anonymizer(key)
    one, other = pair
    near %= 8 * len(one)
    close = (int.from_bytes(one, "big") ^ 1 << near).to_bytes(len(one), "big")  # two that differ first in this bit
    for neighbour in (other, close):
        assert shared_bits(anonymizer.address(one), anonymizer.address(neighbour)) == shared_bits(one, neighbour)


def test_another_key_makes_another_address() -> None:
    address = IPv6Address("2001:db8::1").packed
    assert Anonymizer(bytes(32)).address(address) != Anonymizer(bytes(31) + b"\1").address(address)
    assert make_anonymizer(None).address(address) != make_anonymizer(None).address(address)


def test_where_the_key_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, digits = tmp_path / "raw", tmp_path / "digits"
    raw.write_bytes(SAMPLE_KEY)
    digits.write_text(SAMPLE_KEY.hex() + "\n")
    monkeypatch.setenv("XTOP_ANONYMIZE_KEY", SAMPLE_KEY.hex())
    for source in (str(raw), str(digits), None):
        assert make_anonymizer(source).text("128.11.68.132") == "135.242.180.132"
    digits.write_text("no key")
    for source in (str(digits), str(tmp_path / "absent")):
        with pytest.raises(SourceError, match=r"\(.*\)"):
            make_anonymizer(source)


# ---- Frames

ETHER = {"src": "00:1b:21:aa:bb:cc", "dst": "00:1b:21:dd:ee:ff"}
A4, B4, A6, B6 = "192.0.2.1", "198.51.100.2", "2001:db8::1", "2001:db8:1::2"
MSS = [("MSS", 1460), ("Timestamp", (1, 2))]
PLAIN = {
    "UDP": Ether(**ETHER) / IP(src=A4, dst=B4) / UDP(sport=1, dport=2),
    "TCP": Ether(**ETHER) / IP(src=A4, dst=B4) / TCP(sport=1, dport=2, options=MSS),
    "VLANs": Ether(**ETHER) / Dot1Q(vlan=7) / Dot1Q(vlan=8) / IP(src=A4, dst=B4) / TCP(),
    "UDP over IPv6": Ether(**ETHER) / IPv6(src=A6, dst=B6) / UDP(),
    "TCP over IPv6": Ether(**ETHER) / IPv6(src=A6, dst=B6) / TCP(),
    "IP in IP": Ether(**ETHER) / IP(src=A4, dst=B4) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(),
    "6in4": Ether(**ETHER) / IP(src=A4, dst=B4) / IPv6(src=A6, dst=B6) / UDP(),
    "echo": Ether(**ETHER) / IP(src=A4, dst=B4) / ICMP(id=1, seq=2),
}


def ends(packet: Packet) -> list[str]:
    """The addresses of every IP header, outermost first."""
    found = []
    for layer in (IP, IPv6):
        number = 1
        while (header := packet.getlayer(layer, number)) is not None:
            found += [header.src, header.dst]
            number += 1
    return found


@pytest.mark.parametrize("name", PLAIN)
def test_a_packet_is_another_between_the_same_strangers(name: str) -> None:
    """Only addresses and checksums differ; with its payload back, what scapy computes anew is what the frame bears."""
    data = bytes(PLAIN[name] / Raw(b"secret payload"))
    shown = anonymized_frame(ONE, ETHERNET, data)
    assert len(shown) == len(bytes(PLAIN[name]))
    assert b"secret" not in shown
    whole = Ether(shown + b"secret payload")
    assert ends(whole) == [ONE.text(address) for address in ends(Ether(data))]
    assert whole.src == whole.dst == "02:00:00:00:00:00"
    again = whole.copy()
    layer = again
    while layer:
        for field in ("chksum", "cksum"):
            if field in layer.fields and not (name == "echo" and layer.name == "ICMP"):
                delattr(layer, field)
        layer = layer.payload
    assert bytes(again) == bytes(whole)


def test_what_is_not_understood_is_not_shown() -> None:
    inner = bytes(IP(src="10.9.8.7", dst="10.9.8.6") / UDP() / Raw(b"secret"))
    address = bytes([10, 9, 8, 7])
    outer = Ether(**ETHER) / IP(src=A4, dst=B4)
    frames = [
        outer / GRE() / IP(src="10.9.8.7", dst="10.9.8.6") / UDP(),
        outer / UDP(dport=4789) / Raw(bytes(8) + bytes(Ether()) + inner),
        outer / ICMP(type=3, code=1) / Raw(inner),
        outer / ICMP(type=5, code=1, gw="10.9.8.7") / Raw(inner),
        Ether(**ETHER) / IP(src=A4, dst=B4, options=[b"\x83\x07\x04" + address]) / UDP(),
        Ether(**ETHER) / IP(src=A4, dst=B4) / TCP(options=[(30, b"\x01" + address)]),
        Ether(**ETHER, type=0x0806) / Raw(bytes(14) + address),
        Ether(**ETHER) / IPv6(src=A6, dst=B6) / IPv6ExtHdrRouting(addresses=["::10.9.8.7"]) / UDP(),
    ]
    for frame in frames:
        shown = anonymized_frame(ONE, ETHERNET, bytes(frame))
        for secret in (address, IPv4Address(A4).packed, IPv6Address(A6).packed, b"secret", b"\xaa\xbb\xcc"):
            assert secret not in shown, frame.summary()


@given(
    st.sampled_from([*PLAIN]),
    st.integers(0, 80),
    st.binary(max_size=4),
    st.sampled_from([ETHERNET, RAW_IP, 113, 276, 0]),
)
@settings(deadline=None)
def test_damaged_frames_grow_no_longer_and_raise_nothing(name: str, cut: int, bytes_: bytes, link: int) -> None:
    data = bytearray(bytes(PLAIN[name])[:cut])
    data[len(data) // 2 : len(data) // 2 + len(bytes_)] = bytes_
    assert len(anonymized_frame(ONE, link, bytes(data))) <= len(data)


def test_packets_on_their_way_into_a_file(tmp_path: Path) -> None:
    """What the tap brings of a flow is written without its addresses and its payload, at its true length."""
    data = bytes(PLAIN["UDP"] / Raw(b"secret"))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    packets = FlowPackets(ours, tmp_path / "flow.pcapng", "v1", lambda _: None, partial(anonymized_frame, ONE))
    with theirs:
        theirs.send(HEAD.pack(5, 1, 1, 0) + FRAME.pack(10**18, len(data), len(data), 0, 0) + data)
    packets.start()
    packets.wait(40)
    assert packets.kept
    ((written, about),) = list(RawPcapNgReader(str(tmp_path / "flow.pcapng")))
    assert (written, about.wirelen) == (anonymized_frame(ONE, ETHERNET, data), len(data))
    assert ends(Ether(written)) == [ONE.text(A4), ONE.text(B4)]


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_a_device_holds_no_key(device: str) -> None:
    with pytest.raises(SourceError, match=rf"^the file {device} holds no key \(32 bytes or 64 hex"):
        make_anonymizer(device)
