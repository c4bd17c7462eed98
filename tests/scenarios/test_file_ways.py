# SPDX-License-Identifier: BSD-2-Clause
"""A file says the same whichever way it is read: its plain records out of a buffer, or, as a pipe is, by libpcap."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.scenarios.capture_file import START, Frame, write_pcap
from tests.scenarios.conftest import RunXtop

HEAD = 24  # bytes of the file's head; a record's head has 16


def frames(count: int = 4000) -> list[Frame]:
    """UDP of many sizes over a hundred flows: some megabytes, so that the buffer is filled more than once."""
    draw = Random(7)
    made = []
    for number in range(count):
        payload = draw.randbytes(draw.choice((4, 18, 500, 1400)))
        udp = struct.pack(">HHHH", 1000 + number % 100, 53, 8 + len(payload), 0) + payload
        head = struct.pack(
            ">BBHHHBBH8s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, bytes((10, 0, 0, 1, 10, 0, 0, 2))
        )
        made.append(Frame(bytes(12) + b"\x08\x00" + head + udp, START + number * 1000))
    return made


def offset(written: list[Frame], number: int) -> int:
    """Where a record lies in the file."""
    return HEAD + sum(16 + len(frame.data) for frame in written[:number])


def patched(at: int, value: int) -> Callable[[bytearray, list[Frame]], object]:
    """Write a number into record 3000: into its seconds (0), its captured length (8)."""
    return lambda data, written: struct.pack_into("<I", data, offset(written, 3000) + at, value)


def cut(behind: int) -> Callable[[bytearray, list[Frame]], object]:
    """End the file so many bytes behind the begin of record 3000."""

    def apply(data: bytearray, written: list[Frame]) -> None:
        del data[offset(written, 3000) + behind :]

    return apply


def snapped(data: bytearray, written: list[Frame]) -> None:
    """Let the file's own bound on frames be less than some are."""
    struct.pack_into("<I", data, 16, 600)


WRONGS: dict[str, Callable[[bytearray, list[Frame]], object]] = {
    "nothing": lambda data, written: None,
    "a time after 2038": patched(0, 3_000_000_000),
    "a length of 4 GB": patched(8, 0xFFFFFFFF),
    "a length of 0": patched(8, 0),
    "a length that the bound forbids": snapped,
    "half a record's head": cut(7),
    "half a frame": cut(30),
    "a head without a frame": cut(16),
}


def said(run: RunXtop, *arguments: str | Path, stdin: bytes = b"") -> tuple[int, str, Any]:
    """Exit code, message without the file's name, and what the snapshot says of packets."""
    done = run("snapshot", "-r", *arguments, "--format", "json", "-o", "-", stdin=stdin)
    snapshot = json.loads(done.stdout)
    flows = sorted(json.dumps(flow) for flow in snapshot["flows"])
    seen = (snapshot["accounting"], snapshot["histograms"]["packet_size"], flows)
    return done.returncode, re.sub(r"error: \S+ is damaged", "error: FILE is damaged", done.stderr.decode()), seen


@pytest.mark.parametrize("wrong", WRONGS)
def test_a_wrong_record_is_what_libpcap_makes_of_it(wrong: str, run_xtop: RunXtop, tmp_path: Path) -> None:
    written = frames()
    path = write_pcap(tmp_path / "file.pcap", written)
    data = bytearray(path.read_bytes())
    WRONGS[wrong](data, written)
    path.write_bytes(data)
    by_libpcap = said(run_xtop, "-", stdin=bytes(data))
    assert said(run_xtop, path) == by_libpcap
    assert by_libpcap[2][0]["received"] >= 3000


@pytest.mark.parametrize(("order", "nanoseconds"), [("<", True), ("<", False), (">", True), (">", False)])
def test_either_order_and_unit(order: str, nanoseconds: bool, run_xtop: RunXtop, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "file.pcap", frames(500), order=order, nanoseconds=nanoseconds)
    by_libpcap = said(run_xtop, "-", stdin=path.read_bytes())
    assert said(run_xtop, path) == by_libpcap
    assert by_libpcap[:2] == (0, "")
    assert by_libpcap[2][0]["received"] == 500


def test_a_frame_longer_than_the_buffer_takes(run_xtop: RunXtop, tmp_path: Path) -> None:
    written = frames(2000)
    written[1000] = Frame(written[1000].data.ljust(200_000, b"x"), written[1000].time)
    path = write_pcap(tmp_path / "file.pcap", written)
    by_libpcap = said(run_xtop, "-", stdin=path.read_bytes())
    assert said(run_xtop, path) == by_libpcap
    assert by_libpcap[2][0]["received"] == 2000
