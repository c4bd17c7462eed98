# SPDX-License-Identifier: BSD-2-Clause
"""source_af_packet against the kernel: each frame once over any number of threads, losses to the frame, link types."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Link, program, wait_until
from .test_snapshot import PATIENCE_S, Series, arrived, assert_law, series

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
AF_PACKET = ("--capture", "af_packet")
ETHERNET = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"


def udp(source: str, destination: str, port: int, payload: int = 100) -> bytes:
    header = struct.pack("!HHHH", 40000, port, 8 + payload, 0)
    lead = struct.pack("!BBHHHBBH", 0x45, 0, 28 + payload, 1, 0, 64, 17, 0)
    return lead + socket.inet_aton(source) + socket.inet_aton(destination) + header + bytes(payload)


def send_frames(link: Link, frames: list[bytes]) -> None:
    with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((link.sending, 0))
        for frame in frames:
            sender.send(frame)


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_each_frame_counts_once_whatever_the_number_of_threads(make_link: MakeLink, threads: str) -> None:
    """A socket outside the fanout group sees every frame: twice the frames would be the sign of it."""
    link = make_link(gro=True)
    with series(link, *AF_PACKET, "-t", threads) as running:
        for _ in range(5):  # 10,000 frames of 64 bytes fit the ring many times over
            link.send(10_000, "--flows", "500", "--size", "64")
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 50_000)
    assert (arrived(snapshot), snapshot["lost"]["total"]) == (50_000, 0)
    assert_law(snapshot)
    assert (len(snapshot["queues"]), snapshot["source"]["capture"]) == (int(threads), "af_packet")
    assert len(snapshot["flows"]) == 500
    assert {flow["packets"] for flow in snapshot["flows"]} == {100}
    assert {flow["bytes"] for flow in snapshot["flows"]} == {100 * 50}
    if threads != "1":
        assert min(queue["packets"] for queue in snapshot["queues"]) > 0


def test_an_overload_is_counted_to_the_frame(make_link: MakeLink) -> None:
    """The smallest ring holds a few hundred frames of this size: most of a flood at full speed is lost."""
    link = make_link(gro=True)
    with series(link, *AF_PACKET, "--ring", "64") as running:
        link.send(300_000, "--flows", "100", "--size", "1400")
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 300_000)
        snapshot = running.next()
    assert arrived(snapshot) == 300_000
    assert snapshot["lost"]["ring"] > 0
    assert snapshot["lost"]["nic"] == 0
    assert_law(snapshot)


def polling(process: int) -> set[str]:
    """Names of its threads that wait in poll(2): what they do has begun."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return {
        thread.joinpath("comm").read_text().strip()
        for thread in threads
        if "poll" in thread.joinpath("wchan").read_text()
    }


def test_what_the_ring_holds_at_the_end_is_counted(make_link: MakeLink) -> None:
    """Of the least frames, which the capture had no time for, a ring of this size holds these and more."""
    link = make_link(gro=True)
    capture = link.command(program("xtop-capture"), "-i", link.captured, *AF_PACKET, "-t", "1")
    with subprocess.Popen(capture, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert wait_until(lambda: {"xtop-capture", "xtop-worker"} <= polling(running.pid))
        running.send_signal(signal.SIGSTOP)
        before = link.counters()["rx_packets"]
        link.send(200_000, "--flows", "100", "--size", "64")
        assert wait_until(lambda: link.counters()["rx_packets"] >= before + 200_000)
        running.send_signal(signal.SIGTERM)
        running.send_signal(signal.SIGCONT)
        out, error = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, error
    totals = json.loads(out)
    assert totals["received"] + totals["lost"] == 200_000
    assert totals["lost"] < 1000


def test_both_directions_are_one_flow_and_lo_counts_once(make_link: MakeLink) -> None:
    link = make_link()
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
    command = link.command(program("xtop"), "snapshot", "-i", "lo", "--every", "0.2")
    with Series.of(command) as running:
        first = running.next()
        assert (first["source"]["capture"], first["source"]["reason"]) == ("af_packet", "lo is the host's loopback")
        subprocess.run(link.command("ping", "-q", "-c", "4", "-i", "0.1", "127.0.0.1"), check=True, capture_output=True)
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 8)
        snapshot = running.next()
    assert arrived(snapshot) == 8
    (flow,) = snapshot["flows"]
    assert (flow["protocol_name"], flow["forward"]["packets"], flow["reverse"]["packets"]) == ("ICMP", 4, 4)


def test_a_tag_that_the_kernel_stripped_is_there(make_link: MakeLink) -> None:
    """The kernel takes a VLAN tag out of the frame before packet sockets see it."""
    link = make_link()
    tagged = ETHERNET + struct.pack("!HHH", 0x8100, 42, 0x0800) + udp("10.0.0.1", "10.0.0.2", 53)
    with series(link, *AF_PACKET) as running:
        send_frames(link, [tagged] * 5)
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 5)
    (flow,) = snapshot["flows"]
    assert (flow["vlan"], flow["packets"], flow["bytes"]) == (42, 5, 5 * 128)
    assert snapshot["totals"]["bytes"] == 5 * len(tagged)


@contextlib.contextmanager
def tun(link: Link) -> Iterator[int]:
    """A tun interface, whose frames are IP packets and nothing else; what is written into it arrives."""
    with link.inside():
        tun_fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tun_fd, 0x400454CA, struct.pack("16sH22x", b"tun0", 0x0001 | 0x1000))  # TUNSETIFF, no header
    try:
        with link.route() as route:
            route.link("set", index=route.link_lookup(ifname="tun0")[0], state="up")
        yield tun_fd
    finally:
        os.close(tun_fd)


def test_a_link_without_ethernet_headers(make_link: MakeLink) -> None:
    link = make_link()
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("no /dev/net/tun in this environment")
    with tun(link) as tun_fd:
        command = link.command(program("xtop"), "snapshot", "-i", "tun0", *AF_PACKET, "--every", "0.2")
        with Series.of(command) as running:
            before = running.next()
            for _ in range(7):
                os.write(tun_fd, udp("10.0.0.1", "10.0.0.2", 53))
            running.until(lambda snapshot: arrived(snapshot) >= arrived(before) + 7)
            snapshot = running.next()
        refused = subprocess.run(
            link.command(program("xtop"), "snapshot", "-i", "tun0", "--capture", "af_xdp"),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    (flow,) = [flow for flow in snapshot["flows"] if flow["destination"] == "10.0.0.2"]
    assert (flow["source"], flow["packets"], flow["bytes"]) == ("10.0.0.1", 7, 7 * 128)
    assert refused.returncode == 2
    assert "carries no Ethernet frames" in refused.stderr


@pytest.mark.parametrize(
    ("capture", "received", "filtered"), [("af_packet", 10, 0), ("af_xdp", 30, 20)], ids=["kernel", "worker"]
)
def test_a_capture_filter(make_link: MakeLink, capture: str, received: int, filtered: int) -> None:
    """In the kernel what it rejects never comes; in the worker it is received and accounted as filtered."""
    link = make_link()
    frames = [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", port) for port in (53, 80, 443)] * 10
    with series(link, "--capture", capture, "--filter", "udp port 80") as running:
        send_frames(link, frames)
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= received)
        snapshot = running.next()
    assert arrived(snapshot) == received
    assert snapshot["accounting"]["filtered"] == filtered
    assert [(flow["destination_port"], flow["packets"]) for flow in snapshot["flows"]] == [(80, 10)]
    assert snapshot["source"]["filter"] == "udp port 80"
    assert_law(snapshot)


def refusal(link: Link, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        link.command(program("xtop"), "snapshot", *options), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("capture", ["af_packet", "af_xdp"])
def test_refusals_are_one_line(make_link: MakeLink, capture: str) -> None:
    link = make_link()
    code, text = refusal(link, "-i", "v1", "--capture", capture, "--filter", "tcp and and")
    assert code == 2
    assert "bad --filter 'tcp and and'" in text
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="v1")[0], state="down")
    code, text = refusal(link, "-i", "v1", "--capture", capture)
    assert code == 2
    assert "interface v1 is down" in text
    assert refusal(link, "-i", "v7", "--capture", capture)[0] == 2


def test_a_right_that_is_missing_is_named(make_link: MakeLink) -> None:
    link = make_link()
    powerless = ["capsh", "--drop=cap_net_raw", "--"]
    done = subprocess.run(
        link.command(*powerless, "-c", f"exec {program('xtop-capture')} -i v1 --capture af_packet"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if "capsh" in done.stderr and done.returncode == 127:
        pytest.skip("capsh is missing (install libcap2-bin)")
    assert done.returncode == 3
    assert "CAP_NET_RAW is missing" in done.stderr
    assert "setcap cap_net_raw+ep" in done.stderr


def test_the_interface_goes_away(make_link: MakeLink) -> None:
    link = make_link()
    with series(link, *AF_PACKET) as running:
        with link.route() as route:
            route.link("del", index=route.link_lookup(ifname="v1")[0])
        snapshot = running.until(lambda snapshot: bool(snapshot["state"] == "failed"))
        assert "interface v1 is gone" in snapshot["state_text"]
        assert running.process.wait(PATIENCE_S) == 1


def test_a_link_that_flaps_is_watched_on(make_link: MakeLink) -> None:
    link = make_link()
    frame = ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)
    with series(link, *AF_PACKET) as running, link.route() as route:
        index = route.link_lookup(ifname="v1")[0]
        for round_number in range(1, 4):
            send_frames(link, [frame] * 10)
            running.until(lambda snapshot, sent=10 * round_number: arrived(snapshot) == sent)  # type: ignore[misc]
            route.link("set", index=index, state="down")
            running.next()
            route.link("set", index=index, state="up")
            # A link that comes up sends once its operational state follows, which the kernel lets wait for a second.
            assert wait_until(lambda: {link.get("IFLA_OPERSTATE") for link in route.get_links(kind="veth")} == {"UP"})
