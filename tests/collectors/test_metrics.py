# SPDX-License-Identifier: BSD-2-Clause
"""``--metrics``: what Prometheus would read."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.collectors.collectors import PipedRecord, free_port, wait_for
from tests.collectors.conftest import RunXtop


def scrape(port: int) -> dict[tuple[str, str], float]:
    """Every sample, by its name and the value of its only label."""
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60).read().decode()
    except OSError:
        return {}
    families = text_string_to_metric_families(text)
    return {(one.name, "".join(one.labels.values())): one.value for family in families for one in family.samples}


def test_what_is_scraped(tmp_path: Path) -> None:
    """Two steps: 128 packets of 32 bytes, the first 32 flows have ended."""
    port = free_port()
    url = f"file:{tmp_path / 'flows.ipfix'}"
    record = PipedRecord("--metrics", f"127.0.0.1:{port}", "--ipfix", url)
    record.step()
    record.step()
    exported = ("xtop_export_flows_total", url)
    wait_for("the flows to be exported", lambda: scrape(port).get(exported) == 32, record.process)
    seen = scrape(port)
    assert seen["xtop_packets_total", "0"] == seen["xtop_accounted_packets_total", "accounted"] == 128
    assert seen["xtop_bytes_total", "0"] == 128 * 32
    assert seen["xtop_flows_live", ""] == seen["xtop_flows_ended_total", ""] == 32
    assert seen["xtop_flows_created_total", ""] == 64
    assert {value for (name, _), value in seen.items() if name == "xtop_lost_packets_total"} == {0}
    assert seen["xtop_export_lost_flows_total", url] == seen["xtop_export_queued_flows", url] == 0
    assert record.end()[0] == 0
    assert scrape(port) == {}


def test_metrics_alone(tmp_path: Path) -> None:
    port = free_port()
    record = PipedRecord("--metrics", f"127.0.0.1:{port}")
    record.step()
    wait_for("the packets", lambda: scrape(port).get(("xtop_packets_total", "0")) == 64, record.process)
    assert record.end()[0] == 0


def test_refusals(every_kind: Path, run_xtop: RunXtop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = {
            f"127.0.0.1:{port}": "cannot serve metrics on 127.0.0.1:",
            "9101": "is no address",
            "127.0.0.1:0": "is no address",
            "203.0.113.1:9101": "cannot serve metrics on 203.0.113.1:9101",
        }
        for address, words in said.items():
            done = run_xtop("record", "-r", every_kind, "--metrics", address)
            lines = done.stderr.decode().splitlines()
            assert (done.returncode, len(lines)) == (2, 1), lines
            assert words in lines[0]
