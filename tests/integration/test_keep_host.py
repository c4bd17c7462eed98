# SPDX-License-Identifier: BSD-2-Clause
"""AF_XDP on a link that its host uses: what the host needs stays with it, and is counted all the same."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pyroute2 import IPRoute, netns

from .conftest import Link, create_namespace
from .test_af_packet import ETHERNET, udp
from .test_snapshot import arrived, assert_law, series

MakeLink = Callable[..., Link]
HOST, PEER = "192.0.2.1", "192.0.2.2"
TRAFFIC_MAC = "02:00:00:00:00:02"  # what xtop-traffic sends to
BROADCAST = b"\xff" * 6


@dataclass
class TwoHosts:
    """``link.captured`` in its namespace has the address HOST; its peer, in the namespace ``far``, has PEER."""

    link: Link
    far: str

    @contextlib.contextmanager
    def far_inside(self) -> Iterator[None]:
        netns.pushns(self.far)
        try:
            yield
        finally:
            netns.popns()

    def received_by_interface(self) -> int:
        return self.link.counters()["rx_packets"]

    def dropped_by_interface(self) -> int:
        return self.link.counters()["rx_dropped"]

    def session(self) -> tuple[socket.socket, socket.socket]:
        """A TCP connection from PEER to HOST, as an SSH session is one: (server's end, client's end)."""
        with self.link.inside():
            listener = socket.create_server((HOST, 0))
        with self.far_inside():
            client = socket.create_connection(listener.getsockname(), timeout=40)
        server, _ = listener.accept()
        listener.close()
        server.settimeout(40)
        return server, client

    def send_raw(self, frames: list[bytes]) -> None:
        with self.far_inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((self.link.sending, 0))
            for frame in frames:
                sender.send(frame)


def address(route: IPRoute, name: str, text: str) -> None:
    index = route.link_lookup(ifname=name)[0]
    route.addr("add", index=index, address=text, prefixlen=24)
    route.link("set", index=index, state="up")


@pytest.fixture
def hosts(make_link: MakeLink) -> Iterator[TwoHosts]:
    link = make_link()
    far = f"{link.namespace}-far"
    create_namespace(far)
    try:
        with link.route() as route:
            route.link("set", index=route.link_lookup(ifname=link.sending)[0], net_ns_fd=far)
            address(route, link.captured, HOST)
        with IPRoute(netns=f"/run/netns/{far}") as route:
            address(route, link.sending, PEER)
        yield TwoHosts(link, far)
    finally:
        netns.remove(far)


def talk(server: socket.socket, client: socket.socket, rounds: int = 20) -> None:
    for number in range(rounds):
        client.sendall(number.to_bytes(4, "big"))
        assert server.recv(4, socket.MSG_WAITALL) == number.to_bytes(4, "big")
        server.sendall(bytes(3000))
        assert len(client.recv(3000, socket.MSG_WAITALL)) == 3000


@pytest.mark.parametrize("mode", ["-N", "-S"])
def test_a_session_over_the_link_lives_on_while_the_rest_is_redirected(hosts: TwoHosts, mode: str) -> None:
    """The totals are those of the interface: nothing that stayed with the host is missing."""
    server, client = hosts.session()
    foreign = [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)] * 300
    with server, client:
        talk(server, client)
        with series(hosts.link, "--force", mode) as running:
            before, came = running.quiet(hosts.received_by_interface)
            talk(server, client)
            hosts.send_raw(foreign)
            talk(server, client)
            done = subprocess.run(
                ["nsenter", f"--net=/run/netns/{hosts.far}", "ping", "-q", "-c", "5", "-i", "0.1", HOST],
                capture_output=True,
                text=True,
            )
            assert " 0% packet loss" in done.stdout
            running.until(lambda snapshot: arrived(snapshot) - came == hosts.received_by_interface() - before)
            snapshot = running.next()
        talk(server, client)
        assert client.getpeername()[0] == HOST
        port = client.getsockname()[1]
    assert_law(snapshot)
    reason = f"--capture af_xdp asks for it, although the host has the address {HOST} on it"
    assert snapshot["source"]["reason"] == reason
    flows = {(flow["source"], flow["destination"], flow["protocol_name"]): flow for flow in snapshot["flows"]}
    assert flows["10.0.0.1", "10.0.0.2", "UDP"]["packets"] == 300
    assert flows[PEER, HOST, "ICMP"]["packets"] == 5
    session = flows[PEER, HOST, "TCP"]
    assert (session["source_port"], session["payload_bytes"]) == (port, 40 * 4)


def test_without_it_the_host_is_cut_off(hosts: TwoHosts) -> None:
    """Were it not so, the test above would prove nothing."""
    server, client = hosts.session()
    with server, client, series(hosts.link, "--force", "--no-keep-host"):
        server.settimeout(0.5)
        client.sendall(b"heard?")
        with pytest.raises(TimeoutError):
            server.recv(6)


CONTROL = {
    "broadcast": "ffffffffffff",
    "STP": "0180c2000000",
    "LLDP": "0180c200000e",
    "OSPF": "01005e000005",
    "VRRP": "01005e000012",
    "all nodes": "333300000001",
    "solicited node": "3333ff123456",
    "DHCPv6": "333300010002",
}
REDIRECTED = {"foreign": "020000000009", "a group of an application": "01005e010203", "an IPv6 group": "33330000ff01"}


@pytest.mark.parametrize(("name", "mac"), [*CONTROL.items(), *REDIRECTED.items()])
def test_which_frames_stay(hosts: TwoHosts, name: str, mac: str) -> None:
    """A packet socket of the host sees what passes on, and only that; xtop counts each."""
    frame = bytes.fromhex(mac) + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + bytes(100)
    with hosts.link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5)) as host:
        host.bind((hosts.link.captured, 0x88B5))
        host.settimeout(0.2)
        with series(hosts.link, "--force") as running:
            hosts.send_raw([frame] * 3)
            snapshot = running.until(lambda snapshot: snapshot["accounting"]["non_ip"] >= 3)
        seen = 0
        with contextlib.suppress(TimeoutError):
            while host.recv(2000) == frame:
                seen += 1
    assert snapshot["accounting"]["non_ip"] == 3
    assert seen == (3 if name in CONTROL else 0)


def test_what_nobody_on_the_host_listens_to_is_not_lost(hosts: TwoHosts) -> None:
    """The stack counts it in rx_dropped of the interface, which is where losses of the NIC stand, too."""
    lldp, unknown = bytes.fromhex("0180c200000e"), BROADCAST
    source = b"\x02\0\0\0\0\x01"
    frames = [
        lldp + source + b"\x88\xcc" + bytes(100),
        unknown + source + b"\x88\xb5" + bytes(100),
        unknown + source + b"\x81\0\0\x05\x88\xcc" + bytes(100),
        unknown + source + b"\x81\0\0\x05\x08\x06" + bytes(100),  # ARP in a VLAN that nobody has: not dropped
    ] * 50
    before = hosts.dropped_by_interface()
    with series(hosts.link, "--force") as running:
        hosts.send_raw(frames)
        running.until(lambda snapshot: snapshot["accounting"]["non_ip"] >= len(frames))
        snapshot = running.next()
    assert hosts.dropped_by_interface() - before >= 150, "or there is nothing to tell apart"
    assert snapshot["lost"]["total"] == 0


def test_the_host_keeps_its_own_under_a_new_address(hosts: TwoHosts) -> None:
    server, client = hosts.session()
    with server, client, series(hosts.link, "--force"):
        talk(server, client)
        new = "02:00:00:00:00:77"
        with hosts.link.route() as route:
            route.link("set", index=route.link_lookup(ifname=hosts.link.captured)[0], address=new)
        with IPRoute(netns=f"/run/netns/{hosts.far}") as route:
            route.neigh("replace", dst=HOST, lladdr=new, ifindex=route.link_lookup(ifname=hosts.link.sending)[0])
        talk(server, client, 5)  # TCP sends again what was lost until xtop knew


def test_a_flood_to_the_host_is_counted_to_the_frame(make_link: MakeLink) -> None:
    """More than the ring buffer between kernel and xtop can hold: what does not fit is lost, and counted."""
    link = make_link()
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname=link.captured)[0], address=TRAFFIC_MAC)
    with series(link, "--capture", "af_xdp") as running:
        link.send(400_000, "--flows", "200", "--size", "64", "--cpu", str(max(os.sched_getaffinity(0))))
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 400_000)
        snapshot = running.next()
    assert arrived(snapshot) == 400_000
    assert snapshot["accounting"]["received"] > 0
    assert_law(snapshot)
    assert len(snapshot["flows"]) <= 200


def test_lengths_come_from_the_headers_where_the_head_alone_is_known(hosts: TwoHosts) -> None:
    """The kernel hands on the first 256 bytes; flow and frame bytes are the whole packet's."""
    sizes = [0, 1, 7, 200, 213, 214, 215, 1400]
    frames = [BROADCAST + ETHERNET[6:] + b"\x08\x00" + udp("10.0.0.1", "10.0.0.255", 9, size) for size in sizes]
    with series(hosts.link, "--force") as running:
        hosts.send_raw(frames)
        snapshot = running.until(lambda snapshot: any(flow["destination_port"] == 9 for flow in snapshot["flows"]))
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= len(sizes))
    (flow,) = [flow for flow in snapshot["flows"] if flow["destination_port"] == 9]
    assert (flow["packets"], flow["payload_bytes"]) == (len(sizes), sum(sizes))
    assert flow["bytes"] == sum(28 + size for size in sizes)
