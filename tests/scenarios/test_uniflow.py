# SPDX-License-Identifier: BSD-2-Clause
"""`xtop snapshot --uniflow`: each direction as a row of its own, as tshark tells the packets apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

PCAP = Path(__file__).parent / "pcaps/dns.pcap"
XTOP = Path(sys.executable).parent / "xtop"
FIELDS = ("ip.src", "ip.dst", "udp.srcport", "udp.dstport")


def test_rows_are_directions() -> None:
    command = ["tshark", "-r", str(PCAP), "-T", "fields", *(word for field in FIELDS for word in ("-e", field))]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wanted = Counter(tuple(line.split("\t")) for line in said.splitlines())
    snapshot = json.loads(
        subprocess.run(
            [XTOP, "snapshot", "-r", PCAP, "--uniflow"], check=True, capture_output=True, text=True, timeout=60
        ).stdout
    )
    found: Counter[tuple[str, ...]] = Counter()  # one that ended and came again is two rows
    for flow in snapshot["flows"]:
        ends = (flow["source"], flow["destination"], str(flow["source_port"]), str(flow["destination_port"]))
        found[ends] += flow["packets"]
    assert found == wanted
    assert not any(flow["reverse"]["packets"] for flow in snapshot["flows"])
