# SPDX-License-Identifier: BSD-2-Clause
"""--anonymize: no format bears a true address, all else stays, and another program makes the same of each."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.scenarios.conftest import ReadCapture, RunXtop

PCAPS = Path(__file__).parent / "pcaps"
KEY = b"thirty-two letters make one key."


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY.hex())
    return path


def addresses(snapshot: dict[str, Any]) -> set[str]:
    return {flow[end] for flow in snapshot["flows"] for end in ("source", "destination")}


def figures(snapshot: dict[str, Any]) -> Counter[str]:
    hidden = ("source", "destination", "flow_id")
    return Counter(json.dumps({name: flow[name] for name in flow if name not in hidden}) for flow in snapshot["flows"])


def test_all_but_the_addresses_stays(read_capture: ReadCapture, key_file: Path) -> None:
    path = PCAPS / "iphone.pcap"  # IPv4 and IPv6
    plain, changed = read_capture(path), read_capture(path, "--anonymize-key", key_file)
    assert figures(plain) == figures(changed)
    assert not addresses(plain) & addresses(changed)
    assert len(addresses(plain)) == len(addresses(changed))
    assert not {flow["flow_id"] for flow in plain["flows"]} & {flow["flow_id"] for flow in changed["flows"]}
    assert addresses(changed) == addresses(read_capture(path, "--anonymize-key", key_file))
    assert addresses(changed) != addresses(read_capture(path, "--anonymize"))


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "text", "parquet", "ipfix"])
def test_no_format_bears_a_true_address(
    format: str, run_xtop: RunXtop, read_capture: ReadCapture, tmp_path: Path
) -> None:
    path, output = PCAPS / "iphone.pcap", tmp_path / "output"
    words = ("--flow-filter", "host 192.168.2.17 or ip6", "--filter", "not host 203.0.113.77")
    done = run_xtop("snapshot", "-r", path, "--ended", "--anonymize", "--format", format, "-o", output, *words)
    assert (done.returncode, done.stderr) == (0, b"")
    content = str(parquet.read_table(output).to_pydict()).encode() if format == "parquet" else output.read_bytes()
    for address in (addresses(read_capture(path)) | {"203.0.113.77"}) - {"0.0.0.0", "::"}:  # the unspecified stay
        if format == "ipfix":
            assert ip_address(address).packed not in content
        else:
            assert not re.search(rb"(?<![0-9a-f:.])" + re.escape(address.encode()) + rb"(?![0-9a-f.])", content)


def test_nfanon_makes_the_same_of_each_address(read_capture: ReadCapture, key_file: Path, tmp_path: Path) -> None:
    """nfdump's own Crypto-PAn, over what nfpcapd made of the same file."""
    if shutil.which("nfanon") is None:
        pytest.skip("nfanon is missing: nothing to compare with (run: sudo apt-get install nfdump)")
    path, flows = PCAPS / "zoom.pcap", tmp_path / "flows"
    flows.mkdir()
    help_text = subprocess.run(["nfpcapd", "-h"], capture_output=True, text=True).stdout
    into = "-l" if "-l flowdir" in help_text else "-w"  # nfdump 1.6 (Ubuntu 22.04), 1.7
    subprocess.run(["nfpcapd", "-r", path, into, flows], check=True, capture_output=True)
    wanted: set[str] = set()
    for number, file in enumerate(sorted(flows.glob("nfcapd.[0-9]*"))):
        changed = tmp_path / f"changed-{number}"
        subprocess.run(["nfanon", "-K", KEY, "-r", file, "-w", changed], check=True, capture_output=True)
        listed = subprocess.run(["nfdump", "-q", "-r", changed, "-o", "fmt:%sa,%da"], check=True, capture_output=True)
        wanted |= {part.strip() for line in listed.stdout.decode().splitlines() for part in line.split(",")}
    seen = addresses(read_capture(path, "--no-decap", "--anonymize-key", key_file))
    assert seen == wanted


def test_a_key_that_is_none_is_one_line(run_xtop: RunXtop, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("short")
    done = run_xtop("snapshot", "-r", PCAPS / "dns.pcap", "--anonymize-key", bad)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert done.stderr.startswith(b"xtop: error: ")
