# SPDX-License-Identifier: BSD-2-Clause
"""Every encapsulation of the contract's section 3: the innermost flow is tshark's, the tunnel's id is scapy's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import tshark_flows
from tests.scenarios.capture_file import START, Frame, write_pcap
from tests.scenarios.conftest import ReadCapture
from tests.scenarios.flow_reading import expected_flows, life_differences, snapshot_flows, sum_differences
from tests.scenarios.tunnel_frames import CLOSED, EVERY, OPENED, TunnelFrame, nested

BELOW_IP = ("mpls", "pppoe", "nsh")
DEEPEST = 8  # contract, section 3: so many encapsulations are opened


def write_one(tmp_path: Path, frame: bytes) -> Path:
    return write_pcap(tmp_path / "case.pcap", [Frame(frame, START)])


def only_flow(snapshot: dict[str, Any]) -> dict[str, Any]:
    [flow] = snapshot["flows"]
    found: dict[str, Any] = flow
    return found


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tshark_flows.Row]:
    """Return what tshark says of each frame, by the case's name."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: nothing to compare with (run: sudo apt-get install tshark)")
    path = tmp_path_factory.mktemp("tunnels") / "every.pcap"
    write_pcap(path, [Frame(case.frame, START) for case in EVERY])
    return {case.name: row for case, row in zip(EVERY, tshark_flows.read_rows(path), strict=True)}


@pytest.mark.parametrize("case", EVERY, ids=lambda case: str(case.name))
def test_the_innermost_flow_is_tsharks(
    case: TunnelFrame, rows: dict[str, tshark_flows.Row], read_capture: ReadCapture, tmp_path: Path
) -> None:
    wanted = json.loads(tshark_flows.as_text(tshark_flows.expect_rows([rows[case.name]])))
    snapshot = read_capture(write_one(tmp_path, case.frame))
    seen, must = snapshot_flows(snapshot), expected_flows(wanted)
    differences = sum_differences(seen, must) + life_differences(seen, must)
    assert not differences, "\n".join(differences)
    for term in ("accounted", "non_ip", "malformed"):
        assert snapshot["accounting"][term] == wanted[term]


@pytest.mark.parametrize("case", OPENED, ids=lambda case: str(case.name))
def test_the_tunnel_is_named(case: TunnelFrame, read_capture: ReadCapture, tmp_path: Path) -> None:
    snapshot = read_capture(write_one(tmp_path, case.frame))
    flow = only_flow(snapshot)
    assert flow["tunnel"] == (None if case.kind is None else {"kind": case.kind, "id": case.id})
    assert flow["vlan"] == case.vlan
    assert {flow["source_port"], flow["destination_port"]} == {40000, 443}
    assert flow["payload_bytes"] == len(b"payload")
    assert snapshot["totals"]["length_mismatch"] == snapshot["totals"]["too_deep"] == 0


@pytest.mark.parametrize("case", CLOSED, ids=lambda case: str(case.name))
def test_what_is_no_tunnel_stays_closed(case: TunnelFrame, read_capture: ReadCapture, tmp_path: Path) -> None:
    snapshot = read_capture(write_one(tmp_path, case.frame))
    assert all(flow["tunnel"] is None for flow in snapshot["flows"])
    assert snapshot["totals"]["too_deep"] == 0


@pytest.mark.parametrize("case", OPENED, ids=lambda case: str(case.name))
def test_without_decapsulation_the_outermost_header_counts(
    case: TunnelFrame, read_capture: ReadCapture, tmp_path: Path
) -> None:
    flow = only_flow(read_capture(write_one(tmp_path, case.frame), "--no-decap"))
    assert flow["tunnel"] is None or flow["tunnel"]["kind"] in BELOW_IP
    if case.kind not in (None, *BELOW_IP) and case.name != "VXLAN-GPE, NSH":
        assert flow["source"] in ("10.0.0.1", "fd00::1")


@pytest.mark.parametrize("depth", range(1, 11))
def test_eight_encapsulations_are_opened(depth: int, read_capture: ReadCapture, tmp_path: Path) -> None:
    snapshot = read_capture(write_one(tmp_path, nested(depth)))
    assert only_flow(snapshot)["source"] == f"10.0.0.{min(depth, DEEPEST)}"
    assert snapshot["totals"]["too_deep"] == (depth > DEEPEST)
    assert snapshot["accounting"]["accounted"] == 1


@pytest.mark.parametrize("case", EVERY, ids=lambda case: str(case.name))
def test_every_cut_is_counted_once(case: TunnelFrame, read_capture: ReadCapture, tmp_path: Path) -> None:
    """Snapped after each byte: the headers that are whole decide, and what the wire carried is believed."""
    size = len(case.frame)
    frames = [Frame(case.frame[:cut], START + cut, size) for cut in range(size + 1)]
    snapshot = read_capture(write_pcap(tmp_path / "cuts.pcap", frames))
    terms = dict(snapshot["accounting"])
    assert terms.pop("received") == size + 1 == sum(terms.values())
    assert snapshot["totals"]["bytes"] == size * (size + 1)
    assert snapshot["totals"]["length_mismatch"] == 0


def test_both_directions_and_ways_of_a_tunnel_are_one_flow(read_capture: ReadCapture, tmp_path: Path) -> None:
    """The inner flow is the same whether it came in a tunnel or plain; the first packet's tunnel is named."""
    by_name = {case.name: case.frame for case in OPENED}
    frames = [by_name[name] for name in ("VXLAN", "Geneve", "GRE", "MPLS")]
    path = write_pcap(tmp_path / "ways.pcap", [Frame(data, START + at) for at, data in enumerate(frames)])
    flow = only_flow(read_capture(path))
    assert flow["packets"] == 4
    assert flow["tunnel"] == {"kind": "vxlan", "id": 5001}
