# SPDX-License-Identifier: BSD-2-Clause
"""--dedup: what a mirror port delivers twice counts once, and the law has a term for the other."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.scenarios.capture_file import START, Frame, write_pcap
from tests.scenarios.conftest import ReadCapture

MILLISECOND = 1_000_000


def frame(number: int, size: int = 10) -> bytes:
    """Two frames of different numbers differ in their identification alone."""
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    return bytes(ether / IP(src="10.0.0.1", dst="10.0.0.2", id=number) / UDP(sport=1, dport=2) / Raw(b"x" * size))


def terms(snapshot: dict[str, Any]) -> dict[str, int]:
    """Check the law, return its terms that are not 0."""
    accounting = dict(snapshot["accounting"])
    assert accounting.pop("received") == sum(accounting.values())
    assert sum(snapshot["histograms"]["packet_size"]["counts"]) == snapshot["accounting"]["received"]
    return {name: value for name, value in accounting.items() if value}


def test_a_second_copy_is_dropped(read_capture: ReadCapture, tmp_path: Path) -> None:
    frames = [Frame(frame(number), START + number * MILLISECOND + copy) for number in range(100) for copy in (0, 500)]
    path = write_pcap(tmp_path / "twice.pcap", frames)
    assert terms(read_capture(path, "--dedup")) == {"accounted": 100, "duplicates": 100}
    assert terms(read_capture(path)) == {"accounted": 200}
    assert "duplicates" not in read_capture(path)["accounting"]


@pytest.mark.parametrize(("after", "dropped"), [(9, True), (11, False), (-9, True), (-11, False)])
def test_the_window_ends(after: int, dropped: bool, read_capture: ReadCapture, tmp_path: Path) -> None:
    """Whichever way the time went: files that were joined begin anew."""
    frames = [Frame(frame(1), START), Frame(frame(1), START + after * MILLISECOND)]
    path = write_pcap(tmp_path / "window.pcap", frames)
    wanted = {"accounted": 1, "duplicates": 1} if dropped else {"accounted": 2}
    assert terms(read_capture(path, "--dedup")) == wanted
    assert terms(read_capture(path, "--dedup-window", "0.02")) == {"accounted": 1, "duplicates": 1}


@pytest.mark.parametrize("size", [16, 17, 21, 22, 23, 36, 37, 38, 39])
def test_one_changed_byte_is_another_frame(size: int, read_capture: ReadCapture, tmp_path: Path) -> None:
    """Each byte of a frame is looked at, wherever the sixteens end."""
    data = frame(1, size)
    others = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))] if size == 16 else []
    others += [data, data[:-1] + b"z", data + b"x", data + b"\0"]
    path = write_pcap(tmp_path / "changed.pcap", [Frame(other, START) for other in others])
    assert "duplicates" not in read_capture(path, "--dedup")["accounting"]


@pytest.mark.parametrize("order", "<>")
def test_a_jumbo_frame_is_looked_at_to_its_end(order: str, read_capture: ReadCapture, tmp_path: Path) -> None:
    first = frame(1, 8000)
    frames = [Frame(data, START) for data in (first, first[:-1] + b"y", first)]
    path = write_pcap(tmp_path / "jumbo.pcap", frames, order=order)
    assert terms(read_capture(path, "--dedup")) == {"accounted": 2, "duplicates": 1}


def test_as_many_as_editcap_drops(read_capture: ReadCapture, tmp_path: Path) -> None:
    """editcap -w looks back over a time, too: a thousand frames, copies up to 9 ms later, in the order of time."""
    if shutil.which("editcap") is None:
        pytest.skip("editcap is missing: nothing to compare with (run: sudo apt-get install wireshark-common)")
    random = Random(7)
    frames = []
    for number in range(1000):
        first = START + number * 100_000
        frames += [Frame(frame(number), first + random.randrange(9_000_000) * copy) for copy in range(3)]
    frames.sort(key=lambda one: one.time)
    path = write_pcap(tmp_path / "random.pcap", frames)
    kept = tmp_path / "kept.pcap"
    subprocess.run(["editcap", "-w", "0.02", path, kept], check=True, capture_output=True)
    left = terms(read_capture(kept))["accounted"]
    assert terms(read_capture(path, "--dedup-window", "0.02")) == {"accounted": left, "duplicates": 3000 - left}
