# SPDX-License-Identifier: BSD-2-Clause
"""``--format ipfix``: an RFC 5655 file, as tshark reads it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.conftest import RunXtop
from tests.collectors.seen_flows import of_snapshot, of_tshark
from tests.collectors.tshark_complaints import complaints

PCAPS = Path(__file__).parent.parent / "scenarios" / "pcaps"


@pytest.mark.parametrize("name", ["iphone.pcap", "ip_fragmented_garbage.pcap", "ipv6_in_gtp.pcap", "zoom.pcap", None])
def test_tshark_reads_what_the_json_says(
    name: str | None, every_kind: Path, run_xtop: RunXtop, read_json: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    capture = PCAPS / name if name else every_kind
    file = tmp_path / "flows.ipfix"
    done = run_xtop("snapshot", "-r", capture, "--format", "ipfix", "-o", file)
    assert (done.returncode, done.stderr) == (0, b"")
    assert complaints(file) == []
    expected = of_snapshot(read_json(capture))
    assert of_tshark(file) == expected
    assert expected.total() > 1


def test_tshark_does_complain(every_kind: Path, run_xtop: RunXtop, tmp_path: Path) -> None:
    """Else the test before would say nothing."""
    written = run_xtop("snapshot", "-r", every_kind, "--format", "ipfix", "-o", "-").stdout
    damaged = bytearray(written)
    second = int.from_bytes(written[2:4], "big")
    third = second + int.from_bytes(written[second + 2 : second + 4], "big")
    damaged[third + 11] += 1  # its sequence number
    file = tmp_path / "damaged.ipfix"
    file.write_bytes(damaged)
    assert complaints(file) != []


def test_standard_output(every_kind: Path, run_xtop: RunXtop) -> None:
    done = run_xtop("snapshot", "-r", every_kind, "--format", "ipfix", "-o", "-")
    assert done.returncode == 0
    assert done.stdout[:2] == b"\0\x0a"  # version 10


def test_statistics_are_those_of_the_file(every_kind: Path, run_xtop: RunXtop, tmp_path: Path) -> None:
    """The last options record tells octets, messages and flows before it."""
    file = tmp_path / "flows.ipfix"
    run_xtop("snapshot", "-r", every_kind, "--format", "ipfix", "-o", file)
    fields = ["cflow.len", "cflow.octetsexp", "cflow.packetsexp", "cflow.flowsexp"]
    command = ["tshark", "-r", str(file), "-T", "fields", *(word for name in fields for word in ("-e", name))]
    rows = [line.split("\t") for line in subprocess.check_output(command, timeout=60).decode().splitlines()]
    before = [int(row[0]) for row in rows[:-1]]
    flows = of_tshark(file).total()
    assert rows[-1][1:] == [str(sum(before)), str(len(before)), str(flows)]
