# SPDX-License-Identifier: BSD-2-Clause
"""The captures that `make bench` measures on are what it says of them, as tshark reads them."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.bench import captures

FLOWS, PACKETS = 50, 600
FIELDS = (
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
)


def dissected(path: Path, *fields: str) -> list[list[str]]:
    """Return these fields of each frame."""
    options = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), "-o", "ip.check_checksum:TRUE", "-T", "fields", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(captures, "DIRECTORY", tmp_path)


def test_drawn_flows_are_as_many_as_were_asked_for() -> None:
    path = captures.capture_of_flows(FLOWS, PACKETS)
    rows = dissected(path, *FIELDS, "ip.checksum.status", "frame.len")
    assert len(rows) == PACKETS
    ways = {(row[1], row[2], row[3], row[4] + row[6], row[5] + row[7]) for row in rows}
    assert len({tuple(sorted(((source, port), (sink, other)))) for source, sink, _, port, other in ways}) == FLOWS
    assert len({way[2] for way in ways}) == 2  # TCP and UDP
    assert len(ways) > FLOWS * 1.8  # most in both directions
    assert {row[-2] for row in rows} == {"1"}  # the header's checksum is good
    assert {row[-1] for row in rows} == {str(captures.FRAME_SIZE)}
    assert all(float(later[0]) >= float(one[0]) for one, later in pairwise(rows))


def test_real_traffic_comes_again_as_it_was() -> None:
    fields = ("frame.time_relative", "frame.len", "eth.src", "ip.src", "ip.id")
    once = dissected(captures.capture_of_real_traffic(1), *fields)
    twice = dissected(captures.capture_of_real_traffic(len(once) + 1), *fields)
    assert len(twice) == 2 * len(once)
    assert [row[1:] for row in twice] == [row[1:] for row in once] * 2
    assert [float(row[0]) for row in twice[len(once) :]] == pytest.approx([float(row[0]) + 90 for row in once])
