# SPDX-License-Identifier: BSD-2-Clause
"""--sample and --sample-random over files: which packets are taken, what the figures and the text say of it."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.scenarios.capture_file import START, Frame, write_pcap
from tests.scenarios.conftest import ReadCapture

PACKETS = 10_000
XTOP = str(Path(sys.executable).with_name("xtop"))


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose packet i, from 1, comes from port i: each a flow, so that flows tell which packets were taken."""
    frame = bytearray(bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(dst="10.0.0.2") / UDP()))
    frames = []
    for number in range(1, PACKETS + 1):
        frame[34:36] = number.to_bytes(2, "big")
        frames.append(Frame(bytes(frame), START + number * 1000))
    return write_pcap(tmp_path_factory.mktemp("sampling") / "numbered.pcap", frames)


def ports(snapshot: dict[str, Any]) -> list[int]:
    return sorted(flow["source_port"] for flow in snapshot["flows"])


def assert_law(snapshot: dict[str, Any], frames: int) -> None:
    terms = dict(snapshot["accounting"])
    assert terms.pop("received") == frames == sum(terms.values())
    assert snapshot["totals"]["packets"] == frames


@pytest.mark.parametrize("interval", [1, 2, 63, 64, 65, 9999, 1 << 24])
def test_by_count_the_first_of_each_n_is_taken(interval: int, read_capture: ReadCapture, numbered: Path) -> None:
    snapshot = read_capture(numbered, "--sample", str(interval))
    assert_law(snapshot, PACKETS)
    assert ports(snapshot) == list(range(1, PACKETS + 1, interval))
    assert snapshot["accounting"]["sampled_out"] == PACKETS - math.ceil(PACKETS / interval)
    assert snapshot["source"]["sampling"] == interval
    assert snapshot["source"]["sampling_method"] == ("systematic" if interval > 1 else None)


def test_by_chance_each_packet_is_taken_by_itself(read_capture: ReadCapture, numbered: Path) -> None:
    """How many is binomial, how far apart geometric: no count-based choice has both short and long gaps."""
    snapshot = read_capture(numbered, "--sample-random", "10")
    assert_law(snapshot, PACKETS)
    found = ports(snapshot)
    assert abs(len(found) - PACKETS / 10) < 6.5 * math.sqrt(PACKETS * 0.1 * 0.9)
    gaps = [later - earlier for earlier, later in zip(found, found[1:], strict=False)]
    # Of 1000 gaps 100 are 1 (p = 0.1) and 122 above 20 (p = 0.9^20): these bounds are more than six deviations away.
    assert 40 < gaps.count(1) < 170
    assert 55 < sum(gap > 20 for gap in gaps) < 195
    assert snapshot["source"]["sampling_method"] == "random"


def test_the_filter_sees_what_was_taken(read_capture: ReadCapture, numbered: Path) -> None:
    snapshot = read_capture(numbered, "--sample", "10", "--filter", "udp src port 11 or udp src port 12")
    assert_law(snapshot, PACKETS)
    assert ports(snapshot) == [11]
    assert {name: count for name, count in snapshot["accounting"].items() if count} == {
        **{"received": 10_000, "sampled_out": 9000},
        **{"filtered": 999, "accounted": 1},
    }


def test_the_table_of_text_says_that_it_is_sampled(numbered: Path) -> None:
    command = [XTOP, "snapshot", "-r", str(numbered), "--format", "text", "--top", "1", "--sample", "100"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (
        "\nsampling  1 packet in 100 (systematic count-based): flows and protocols are of the sampled packets" in text
    )
    assert "\npackets   10000 " in text


@pytest.mark.parametrize("value", ["0", "-1", "x", str((1 << 24) + 1)])
def test_a_wrong_interval_is_one_line(value: str, numbered: Path) -> None:
    command = [XTOP, "snapshot", "-r", str(numbered), f"--sample={value}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("xtop: error: ")
    assert "--sample" in done.stderr
