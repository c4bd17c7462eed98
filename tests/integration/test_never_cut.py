# SPDX-License-Identifier: BSD-2-Clause
"""The link that one's own session runs over: a transfer under way goes on when xtop comes, watches and goes."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.integration.conftest import Link, program
from tests.integration.test_keep_host import HOST, PEER, TwoHosts, hosts
from tests.integration.test_snapshot import Series, arrived

pytestmark = pytest.mark.alone

__all__ = ["hosts"]  # a fixture

MakeLink = Callable[..., Link]
PATIENCE_S = 40.0
BLOCK = bytes(range(256)) * 256
CAPTURES = {
    "ebpf": ("--capture", "ebpf"),
    "af_packet": ("--capture", "af_packet"),
    "af_xdp native": ("--capture", "af_xdp", "--force", "--keep-host", "-N"),
    "af_xdp generic": ("--capture", "af_xdp", "--force", "--keep-host", "-S"),
}


class Transfer:
    """Blocks over one connection in both directions, until it is ended; each side knows what the other sent."""

    def __init__(self, ends: tuple[socket.socket, socket.socket]) -> None:
        self.blocks = 0
        self._ending = threading.Event()
        self._sums: dict[str, str] = {}
        server, client = ends
        jobs = [("up", self._send, client), ("down", self._send, server)]
        jobs += [("up", self._take, server), ("down", self._take, client)]
        self._threads = [threading.Thread(target=act, args=(name, end), daemon=True) for name, act, end in jobs]
        for thread in self._threads:
            thread.start()

    def _send(self, name: str, end: socket.socket) -> None:
        end.settimeout(PATIENCE_S)
        sent = hashlib.sha256()
        number = 0
        while not self._ending.is_set():
            block = number.to_bytes(8, "big") + BLOCK
            end.sendall(block)
            sent.update(block)
            number += 1
            self.blocks += 1
            self._ending.wait(0.002)  # some 250 Mbit/s: the machine has other things to do
        end.shutdown(socket.SHUT_WR)
        self._sums[f"{name} sent"] = sent.hexdigest()

    def _take(self, name: str, end: socket.socket) -> None:
        end.settimeout(PATIENCE_S)
        taken = hashlib.sha256()
        while data := end.recv(1 << 16):
            taken.update(data)
        self._sums[f"{name} taken"] = taken.hexdigest()

    def end(self) -> dict[str, str]:
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return self._sums


def resets(namespace: str) -> int:
    """Connections that were reset or answered by a reset in a namespace, as its kernel counts them."""
    text = subprocess.run(
        ["nsenter", f"--net=/run/netns/{namespace}", "cat", "/proc/net/snmp"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names, numbers = (line.split()[1:] for line in text.splitlines() if line.startswith("Tcp:"))
    tcp = dict(zip(names, map(int, numbers), strict=True))
    return tcp["EstabResets"] + tcp["OutRsts"]


def protocols_between(snapshot: dict[str, Any]) -> set[str]:
    """Return the protocols of the flows of the two hosts."""
    session = [flow for flow in snapshot["flows"] if {flow["source"], flow["destination"]} == {HOST, PEER}]
    return {flow["protocol_name"] for flow in session}


@pytest.mark.parametrize("capture", CAPTURES)
def test_a_transfer_and_a_ping_go_on(hosts: TwoHosts, capture: str) -> None:
    link = hosts.link
    before = resets(link.namespace) + resets(hosts.far)
    server, client = hosts.session()
    command = ["nsenter", f"--net=/run/netns/{hosts.far}", "ping", "-q", "-i", "0.02", "-W", "10", HOST, "-c"]
    with closing(server), closing(client):
        ping = subprocess.Popen([*command, "100"], stdout=subprocess.PIPE, text=True)
        transfer = Transfer((server, client))
        with Series(link, *CAPTURES[capture]) as running:
            begun = transfer.blocks
            running.until(lambda snapshot: arrived(snapshot) > 1000)
            said, _ = ping.communicate(timeout=PATIENCE_S)
            # That one may have been over before a slow start was; this one is seen.
            subprocess.run([*command, "5"], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
            snapshot = running.until(
                lambda now: transfer.blocks > begun + 200 and protocols_between(now) >= {"TCP", "ICMP"}
            )
        sums = transfer.end()
    assert " 0% packet loss" in said, said
    assert sums["up sent"] == sums["up taken"]
    assert sums["down sent"] == sums["down taken"]
    assert resets(link.namespace) + resets(hosts.far) == before
    terms = dict(snapshot["accounting"])
    assert terms.pop("received") == sum(terms.values())


# ---- What --capture auto takes, and why


def bridge_port(link: Link) -> None:
    with link.route() as route:
        route.link("add", ifname="br0", kind="bridge")
        route.link("set", index=route.link_lookup(ifname="v1")[0], master=route.link_lookup(ifname="br0")[0])


def address(link: Link) -> None:
    with link.route() as route:
        route.addr("add", index=route.link_lookup(ifname="v1")[0], address="192.0.2.1", prefixlen=24)


def default_route(link: Link) -> None:
    with link.route() as route:
        route.route("add", dst="0.0.0.0/0", oif=route.link_lookup(ifname="v1")[0], scope="link")


def loopback(link: Link) -> None:
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")


def down(link: Link) -> None:
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="v1")[0], state="down")


def nothing(link: Link) -> None:
    pass


AUTO = (
    # what is done before, the interface, what is taken, why; a refusal instead where nothing is taken
    (nothing, "v1", "af_xdp", r"nothing of this host uses v1"),
    (address, "v1", "ebpf", r"the host has the address 192\.0\.2\.1 on it"),
    (bridge_port, "v1", "ebpf", r"it is a port of br0"),
    (default_route, "v1", "ebpf", r"the host's default route leads over it"),
    (loopback, "lo", "af_packet", r"lo is the host's loopback"),
    (down, "v1", None, r"interface v1 is down \(nothing arrives; ip link set v1 up\)"),
)


@pytest.mark.parametrize(("prepare", "interface", "capture", "why"), AUTO, ids=[row[0].__name__ for row in AUTO])
def test_auto(
    make_link: MakeLink, prepare: Callable[[Link], None], interface: str, capture: str | None, why: str
) -> None:
    link = make_link()
    prepare(link)
    done = subprocess.run(
        link.command(program("xtop"), "snapshot", "-i", interface, "--duration", "0.1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    if capture is None:
        assert done.returncode == 2
        assert re.fullmatch(f"xtop: error: {why}\n", done.stderr)
        return
    assert done.returncode == 0, done.stderr
    source = json.loads(done.stdout)["source"]
    assert source["capture"] == capture
    assert re.fullmatch(why, source["reason"])
