# SPDX-License-Identifier: BSD-2-Clause
"""`--uniflow` with a screen: each direction is a row of its own, there and in the snapshot that is left behind."""

from __future__ import annotations

import json
import subprocess

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_tmux import SCENARIOS, XTOP, quit_and_check, rows_with_flows, wait_for_flows

CAPTURE = SCENARIOS / "pcaps" / "bittorrent.pcap"  # TCP over IPv4 alone, and no ports twice
ENDS = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport")


def directions() -> set[tuple[str, ...]]:
    """Who sent to whom, as tshark reads it."""
    command = ["tshark", "-r", str(CAPTURE), "-T", "fields", *(word for end in ENDS for word in ("-e", end))]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {tuple(line.split("\t")) for line in said.splitlines()}


def test_each_direction_is_a_row(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(120, 36)
    terminal.run(f"{XTOP} -r {CAPTURE} --uniflow -o last.json")
    wait_for_flows(terminal)
    rows = rows_with_flows(terminal)
    assert all("→" in row and "↔" not in row for row in rows)
    quit_and_check(terminal)
    flows = json.loads(terminal.directory.joinpath("last.json").read_text(encoding="utf-8"))["flows"]
    names = ("source", "source_port", "destination", "destination_port")
    assert {tuple(str(flow[name]) for name in names) for flow in flows} == directions()
    assert len(flows) == len(directions())
    assert not any(flow["reverse"]["packets"] for flow in flows)
