# SPDX-License-Identifier: BSD-2-Clause
"""Whole files that xtop, or libpcap, cannot read: it says which they are and what to do, and calls none damaged."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from tests.scenarios.capture_file import ETHERNET, RAW_IP, Frame, write_pcap
from tests.scenarios.conftest import RunXtop

UDP = bytes.fromhex("4500002000010000401100000a0000010a00000200010002000c000061626364")
ON_ETHERNET = bytes(12) + b"\x08\x00" + UDP


def block(order: str, kind: int, body: bytes) -> bytes:
    """A block of pcapng (draft-ietf-opsawg-pcapng, section 3.1)."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(link: int, order: str = "<", bound: int = 65535) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, bound))


def packets(count: int, number: int, frame: bytes, order: str = "<") -> bytes:
    head = struct.pack(order + "IIIII", number, 0, 1000, len(frame), len(frame))
    return count * block(order, 6, head + frame)


FIRST = section() + interface(ETHERNET) + packets(3, 0, ON_ETHERNET)
FILES = {
    "link types": (FIRST + interface(RAW_IP) + packets(2, 1, UDP), "a type 101 different", "tshark -F pcap -Y frame."),
    "link types of sections": (
        FIRST + section() + interface(RAW_IP) + packets(2, 0, UDP), "a type 101 different", "tshark -F pcap -Y frame.",
    ),
    "bounds": (
        FIRST + interface(ETHERNET, bound=100) + packets(2, 1, ON_ETHERNET), "a snapshot length 100", "editcap -F pcap",
    ),
    "byte orders": (
        FIRST + section(">") + interface(ETHERNET, ">") + packets(2, 0, ON_ETHERNET, ">"),
        "another byte order", "editcap -F pcap",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mixed", FILES)
def test_a_file_of_which_libpcap_reads_a_part(run_xtop: RunXtop, tmp_path: Path, mixed: str) -> None:
    content, why, remedy = FILES[mixed]
    file = tmp_path / "mixed.pcapng"
    file.write_bytes(content)
    for command in (("bench", "--pcap"), ("snapshot", "-r")):
        done = run_xtop(*command, file)
        said = done.stderr.decode()
        assert done.returncode == 1
        assert said.count("\n") == 1
        assert " cannot be read after packet 3 (libpcap: " in said
        assert why in said
        assert remedy in said
        assert "damaged" not in said
    assert json.loads(done.stdout)["accounting"]["accounted"] == 3


@pytest.mark.parametrize(("link", "name"), [(14, "14"), (147, "147"), (105, "IEEE802_11")])
def test_a_link_type_that_xtop_cannot_read(run_xtop: RunXtop, tmp_path: Path, link: int, name: str) -> None:
    file = write_pcap(tmp_path / "foreign.pcap", [Frame(ON_ETHERNET)], link=link)
    for command in (("snapshot", "-r"), ("bench", "--pcap")):
        done = run_xtop(*command, file)
        assert (done.returncode, done.stdout) == (1, b"")
        assert f" (link type {name}, which xtop cannot read; " in done.stderr.decode()
