# SPDX-License-Identifier: BSD-2-Clause
"""Every capture of ``pcaps/`` through xtop, held against what tshark makes of it (``expected/``)."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import tshark_flows
from tests.scenarios.conftest import ReadCapture, RunXtop
from tests.scenarios.flow_reading import expected_flows, life_differences, snapshot_flows, sum_differences

HERE = Path(__file__).parent
CAPTURES = sorted((HERE / "pcaps").iterdir())


def expectation_of(path: Path) -> dict[str, Any]:
    expectation: dict[str, Any] = json.loads((HERE / "expected" / f"{path.name}.json").read_text(encoding="utf-8"))
    return expectation


@pytest.fixture(scope="module")
def snapshots(read_capture: ReadCapture) -> dict[Path, dict[str, Any]]:
    """Remember what xtop said of a file, which several tests look at."""
    return {}


def snapshot_of(path: Path, snapshots: dict[Path, dict[str, Any]], read_capture: ReadCapture) -> dict[str, Any]:
    if path not in snapshots:
        snapshots[path] = read_capture(path)
    return snapshots[path]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: str(path.name))
def test_the_stored_expectation_is_tsharks(path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: the stored expectations were not checked (run: sudo apt-get install tshark)")
    version = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    if version.startswith("3."):
        pytest.skip(f"tshark {version} reads damaged packets otherwise than version 4, which wrote the expectations")
    assert json.loads(tshark_flows.as_text(tshark_flows.expect(path))) == expectation_of(path)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: str(path.name))
def test_packets_and_bytes_of_each_flow(
    path: Path, snapshots: dict[Path, dict[str, Any]], read_capture: ReadCapture
) -> None:
    snapshot = snapshot_of(path, snapshots, read_capture)
    differences = sum_differences(snapshot_flows(snapshot), expected_flows(expectation_of(path)))
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: str(path.name))
def test_lives_times_directions_and_header_fields(
    path: Path, snapshots: dict[Path, dict[str, Any]], read_capture: ReadCapture
) -> None:
    snapshot, wanted = snapshot_of(path, snapshots, read_capture), expected_flows(expectation_of(path))
    assert snapshot_flows(snapshot).keys() == wanted.keys()
    differences = life_differences(snapshot_flows(snapshot), wanted)
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: str(path.name))
def test_where_each_packet_went(path: Path, snapshots: dict[Path, dict[str, Any]], read_capture: ReadCapture) -> None:
    snapshot, wanted = snapshot_of(path, snapshots, read_capture), expectation_of(path)
    seen = {name: snapshot["accounting"][name] for name in ("received", "accounted", "non_ip", "malformed")}
    seen |= {"frame_bytes": snapshot["totals"]["bytes"], "length_mismatch": snapshot["totals"]["length_mismatch"]}
    assert seen == {name: value for name, value in wanted.items() if name != "flows"}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: str(path.name))
def test_the_conservation_law(path: Path, snapshots: dict[Path, dict[str, Any]], read_capture: ReadCapture) -> None:
    snapshot = snapshot_of(path, snapshots, read_capture)
    terms = dict(snapshot["accounting"])
    received = terms.pop("received")
    assert received == sum(terms.values())
    assert terms["accounted"] == sum(flow["packets"] for flow in snapshot["flows"])
    assert received == snapshot["totals"]["packets"] == sum(queue["packets"] for queue in snapshot["queues"])
    assert received == sum(snapshot["histograms"]["packet_size"]["counts"])
    assert terms["accounted"] == sum(protocol["packets"] for protocol in snapshot["protocols"])
    assert sum(flow["bytes"] for flow in snapshot["flows"]) == sum(row["bytes"] for row in snapshot["protocols"])
    assert len(snapshot["flows"]) == snapshot["totals"]["flows_created"]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: str(path.name))
def test_both_directions_make_the_flow(
    path: Path, snapshots: dict[Path, dict[str, Any]], read_capture: ReadCapture
) -> None:
    for flow in snapshot_of(path, snapshots, read_capture)["flows"]:
        for name in ("packets", "bytes", "payload_bytes"):
            assert flow[name] == flow["forward"][name] + flow["reverse"][name]


def records_of(data: bytes) -> list[int]:
    """Offsets at which the records of a pcap file begin, and the file's end."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    offsets = [24]
    while offsets[-1] < len(data):
        offsets.append(offsets[-1] + 16 + struct.unpack_from(order + "I", data, offsets[-1] + 8)[0])
    return offsets


def assert_one_line_error(stderr: bytes) -> None:
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, stderr.decode()
    assert lines[0].startswith("xtop: error: ")
    assert "(" in lines[0]
    assert lines[0].endswith(")")


@pytest.mark.parametrize("into_record", [1, 15, 16, 40], ids=["header", "header end", "no data", "data"])
def test_a_file_cut_in_a_record_keeps_what_was_read(run_xtop: RunXtop, tmp_path: Path, into_record: int) -> None:
    data = (HERE / "pcaps" / "iphone.pcap").read_bytes()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(data[: records_of(data)[100] + into_record])
    done = run_xtop("snapshot", "-r", cut, "--ended", "--format", "json", "-o", "-")
    assert done.returncode == 1
    assert_one_line_error(done.stderr)
    assert json.loads(done.stdout)["accounting"]["received"] == 100


def test_a_pcapng_file_that_is_cut_keeps_what_was_read(run_xtop: RunXtop, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes((HERE / "pcaps" / "esp.pcapng").read_bytes()[:-100])  # its last block has 200 bytes
    done = run_xtop("snapshot", "-r", cut, "--ended", "--format", "json", "-o", "-")
    assert done.returncode == 1
    assert_one_line_error(done.stderr)
    assert 0 < json.loads(done.stdout)["accounting"]["received"] < 6


@pytest.mark.parametrize(
    "content",
    [b"", b"\xd4\xc3\xb2\xa1\x02\x00", b"not a capture at all, only words\n" * 10],
    ids=["empty", "cut in the file header", "text"],
)
def test_what_is_no_capture_is_said_in_one_line(run_xtop: RunXtop, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.pcap"
    path.write_bytes(content)
    done = run_xtop("snapshot", "-r", path, "--format", "json", "-o", "-")
    assert done.returncode == 1
    assert_one_line_error(done.stderr)


def test_a_missing_file_is_said_in_one_line(run_xtop: RunXtop, tmp_path: Path) -> None:
    done = run_xtop("snapshot", "-r", tmp_path / "absent.pcap", "--format", "json", "-o", "-")
    assert done.returncode in (1, 2)
    assert_one_line_error(done.stderr)
    assert b"absent.pcap" in done.stderr


def test_standard_input_is_a_file_too(run_xtop: RunXtop, read_capture: ReadCapture) -> None:
    path = HERE / "pcaps" / "zoom.pcap"
    done = run_xtop("snapshot", "-r", "-", "--ended", "--format", "json", "-o", "-", stdin=path.read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    assert snapshot_flows(json.loads(done.stdout)) == snapshot_flows(read_capture(path))


def test_a_small_table_loses_no_packet(read_capture: ReadCapture) -> None:
    """36 flows through a table of eight: each life is shorter, and the sums stay."""
    path = HERE / "pcaps" / "tls_certificate_too_long.pcap"
    snapshot = read_capture(path, "--max-flows", "8")
    assert snapshot["totals"]["flows_evicted"] > 0
    assert snapshot["accounting"]["table_full"] == 0
    assert not sum_differences(snapshot_flows(snapshot), expected_flows(expectation_of(path)))
    assert any(flow["end_reason"] == "cache_full" for flow in snapshot["flows"])


def test_top_keeps_the_greatest(run_xtop: RunXtop, read_capture: ReadCapture) -> None:
    path = HERE / "pcaps" / "zoom.pcap"
    every = sorted((flow["bytes"] for flow in read_capture(path)["flows"]), reverse=True)
    done = run_xtop("snapshot", "-r", path, "--ended", "--top", "5", "--format", "json", "-o", "-")
    assert [flow["bytes"] for flow in json.loads(done.stdout)["flows"]] == every[:5]


@pytest.mark.parametrize("order", ["bytes", "source", "state"])
@pytest.mark.parametrize("flows", ["", "packets > 1", "idle > 10s", "bps > 0.000005"])
def test_top_are_the_first_of_all(order: str, flows: str, run_xtop: RunXtop, read_capture: ReadCapture) -> None:
    """Flows that end a second after they were seen come again and again in six years, many with as many bytes."""
    path = HERE / "pcaps" / "netbios.pcap"
    options = ("--idle-timeout", "1", "--sort", order, "--flow-filter", flows)
    every = read_capture(path, *options)
    top = json.loads(run_xtop("snapshot", "-r", path, *options, "--top", "9", "-o", "-").stdout)
    assert top["totals"]["flows_ended"] > 30
    assert len(every["flows"]) > 9
    assert [identity(flow) for flow in top["flows"]] == [identity(flow) for flow in every["flows"][:9]]
    assert top["flows_hidden"] == every["flows_hidden"]


def identity(flow: dict[str, Any]) -> tuple[Any, ...]:
    ends = ("source", "source_port", "destination", "destination_port", "protocol")
    return tuple(flow[name] for name in (*ends, "first_seen", "last_seen", "packets", "bytes", "end_reason"))
