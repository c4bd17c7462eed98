# SPDX-License-Identifier: BSD-2-Clause
"""``-i`` more than once: one table, whichever interface a packet came by, and of each interface what it lost and how
it is captured.
"""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Link, program
from tests.integration.test_snapshot import Series, assert_law

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
PATIENCE_S = 60.0
CLIENT, SERVER = "0a000001", "0a000002"
ASKED, ANSWERED, OTHER = 30, 20, 12


def frame(source: str, destination: str, ports: tuple[int, int]) -> bytes:
    """UDP of 10 octets."""
    head = f"020000000002 020000000001 0800 45000026 00000000 40110000 {source} {destination}"
    return bytes.fromhex(head) + b"".join(port.to_bytes(2, "big") for port in ports) + b"\0\x12\0\0" + b"0123456789"


@pytest.fixture
def links(make_link: MakeLink) -> tuple[Link, Link]:
    """Two pairs in one namespace: nobody uses the first's captured end, the host has an address on the second's."""
    first = make_link(2)
    second = replace(first, sending="v2", captured="v3")
    with first.route() as route:
        route.link("add", ifname="v2", kind="veth", peer="v3")
        for name in ("v2", "v3"):
            silent = {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", 1)]})]}
            index = route.link_lookup(ifname=name)[0]
            route.link("set", index=index, IFLA_AF_SPEC=silent)
            route.link("set", index=index, state="up")
        route.addr("add", index=route.link_lookup(ifname="v3")[0], address="192.0.2.1", prefixlen=24)
    return first, second


def command(links: tuple[Link, Link], *options: str) -> list[str]:
    return links[0].command(
        program("xtop"), "snapshot", *(part for link in links for part in ("-i", link.captured)), *options
    )


def send(link: Link, frames: list[bytes]) -> None:
    with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((link.sending, 0))
        for one in frames:
            sender.send(one)


def received(link: Link) -> int:
    """The kernel's own count of what came in and went out at the captured end."""
    counters = link.counters()
    return int(counters["rx_packets"] + counters["tx_packets"])


def by_interface(snapshot: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for queue in snapshot["queues"]:
        counts[queue["interface"]] = counts.get(queue["interface"], 0) + queue["packets"]
    return counts


def test_a_tap_of_two_ports(links: tuple[Link, Link], tmp_path: Path) -> None:
    """What goes by one port and what comes back by the other is one flow; each port is captured in its own way."""
    with Series.of(command(links, "--every", "0.2")) as running:
        running.next()
        before = [received(link) for link in links]
        send(links[0], [frame(CLIENT, SERVER, (40000, 53))] * ASKED)
        send(links[1], [frame(SERVER, CLIENT, (53, 40000))] * ANSWERED + [frame(CLIENT, SERVER, (7, 9))] * OTHER)
        total = ASKED + ANSWERED + OTHER
        snapshot = running.until(lambda snapshot: bool(snapshot["totals"]["packets"] >= total))
    assert [received(link) - was for link, was in zip(links, before, strict=True)] == [ASKED, ANSWERED + OTHER]
    assert by_interface(snapshot) == {"v1": ASKED, "v3": ANSWERED + OTHER}
    assert_law(snapshot)
    flows = {
        flow["source_port"]: (flow["forward"]["packets"], flow["reverse"]["packets"]) for flow in snapshot["flows"]
    }
    assert flows == {40000: (ASKED, ANSWERED), 7: (OTHER, 0)}

    source = snapshot["source"]
    first, second = source["interfaces"]
    assert (source["name"], source["capture"], source["queues"]) == ("v1,v3", "af_xdp,ebpf", 3)
    assert (first["name"], first["capture"], first["xdp_mode"], first["queues"]) == ("v1", "af_xdp", "native", 2)
    assert (second["name"], second["capture"], second["xdp_mode"], second["queues"]) == ("v3", "ebpf", None, 1)
    assert first["reason"] == "nothing of this host uses v1"
    assert second["reason"] == "the host has the address 192.0.2.1 on it"
    assert first["lost"]["total"] == second["lost"]["total"] == snapshot["lost"]["total"] == 0


def test_what_one_refuses_does_not_change_the_other(links: tuple[Link, Link]) -> None:
    """v1 has an XDP program already: another xtop's. It is counted by eBPF then; v3 as before, and nothing is left."""
    with Series.of(command((links[0], links[0]), "--capture", "af_xdp", "--every", "0.2")) as another:
        assert [one["name"] for one in another.next()["source"]["interfaces"]] == ["v1"]  # named twice, watched once
        with Series.of(command(links, "--every", "0.2")) as running:
            first, second = running.next()["source"]["interfaces"]
        assert (first["capture"], second["capture"]) == ("ebpf", "ebpf")
        assert re.search(r"af_xdp refused: .*v1 already has an XDP program", first["reason"])
        assert second["reason"] == "the host has the address 192.0.2.1 on it"
        refused = subprocess.run(command(links, "--capture", "af_xdp", "--force"), capture_output=True, text=True)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
        assert "another xtop captures v1" in refused.stderr


def test_one_that_goes_is_told_and_the_others_go_on(links: tuple[Link, Link]) -> None:
    with Series.of(command(links, "--capture", "af_packet", "-t", "1", "--every", "0.2")) as running:
        running.next()
        with links[0].route() as route:
            route.link("del", index=route.link_lookup(ifname="v2")[0])
        snapshot = running.until(lambda one: any("nothing comes from v3" in note for note in one["source"]["notes"]))
        assert snapshot["state"] == "running"
        send(links[0], [frame(CLIENT, SERVER, (40000, 53))] * ASKED)
        running.until(lambda one: by_interface(one)["v1"] == ASKED)


def test_what_leaves_names_each_interface(links: tuple[Link, Link], tmp_path: Path) -> None:
    """IPFIX says of each flow which interface it came in by, and of each interface its name."""
    path = tmp_path / "flows.ipfix"
    record = [program("xtop"), "record", "-i", "v1", "-i", "v3", "--capture", "af_packet", "--every", "0.1"]
    process = subprocess.Popen(
        links[0].command(*record, "--ipfix", f"file:{path}"),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        assert "0 packets" in process.stderr.readline()
        send(links[0], [frame(CLIENT, SERVER, (40000, 53))])
        send(links[1], [frame(CLIENT, SERVER, (7, 9))])
        assert any("2 packets" in line for line in process.stderr)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
    indexes = {}
    with links[0].route() as route:
        indexes = {name: str(route.link_lookup(ifname=name)[0]) for name in ("v1", "v3")}
    assert told(path, "cflow.srcport", "cflow.inputint") == {("40000", indexes["v1"]), ("7", indexes["v3"])}
    assert told(path, "cflow.if_name", "cflow.inputint") == {("v1", indexes["v1"]), ("v3", indexes["v3"])}


def told(path: Path, *fields: str) -> set[tuple[str, ...]]:
    """What tshark finds of ``fields`` where the first of them is, side by side."""
    command = ["tshark", "-r", str(path), "-T", "fields", *(part for field in fields for part in ("-e", field))]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = set()
    for line in lines:
        columns = [column.split(",") for column in line.split("\t")]
        found |= set(zip(*columns, strict=True)) if columns[0] != [""] else set()
    return found
