# SPDX-License-Identifier: BSD-2-Clause
"""Which way a flow went over a link that the host itself uses: what a collector is told is what the host did."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyroute2 import netns
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from tests.collectors.collectors import nfcapd

from .conftest import Link
from .recording import interrupted, recording
from .test_ebpf import far_end

MakeLink = Callable[..., Link]
HOST, FAR = "10.9.0.1", "10.9.0.2"
INGRESS, EGRESS = 0, 1
PINGS = 3


def ping(prefix: list[str], address: str) -> None:
    done = subprocess.run([*prefix, "ping", "-q", "-c", str(PINGS), "-i", "0.05", address], capture_output=True)
    assert done.returncode == 0, done.stdout


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    netns.pushns(namespace)
    try:
        yield
    finally:
        netns.popns()


def tagged(source: str, destination: str) -> bytes:
    """A datagram of VLAN 7."""
    ethernet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    return bytes(ethernet / Dot1Q(vlan=7) / IP(src=source, dst=destination) / UDP(sport=1000, dport=9) / b"tagged")


def send(interface: str, frame: bytes) -> None:
    """Into the link, of the namespace that this thread is in."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        for _ in range(PINGS):
            sender.send(frame)


def crossed(link: Link) -> int:
    """Frames that came or left over the captured end so far, ARP's as well."""
    counted = link.counters()
    return counted["rx_packets"] + counted["tx_packets"]


def directions_of(directory: Path) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Source and destination to direction, packets and packets back, as nfdump has them."""
    form = "fmt:%sa %da %dir %ipkt %opkt"
    command = ["nfdump", "-q", "-N", "-R", str(directory), "-o", form, "proto icmp or vlan 7"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split() for line in lines if line.strip()]
    letter = {"I": INGRESS, "E": EGRESS, "0": INGRESS, "1": EGRESS}
    found = {(row[0], row[1]): (letter[row[2]], int(row[3]), int(row[4])) for row in rows}
    assert len(found) == len(rows), lines
    return found


@pytest.mark.parametrize("capture", ["af_packet", "ebpf"])
def test_who_began(make_link: MakeLink, tmp_path: Path, capture: str) -> None:
    """The host asks, and is asked, with and without a VLAN tag (libpcap moves a frame that it puts one back into)."""
    link = make_link()
    directory = tmp_path / "nfcapd"
    with far_end(link) as far:
        there, here = ["ip", "netns", "exec", far], link.command()
        subprocess.run([*here, "ip", "link", "set", "lo", "up"], check=True)
        with nfcapd(directory, here) as port:
            with recording(link, "--ipfix", f"udp://127.0.0.1:{port}", capture=capture) as (record, said):
                said.readline()
                before = crossed(link)
                ping(here, FAR)
                ping(there, HOST)
                with link.inside():
                    send(link.captured, tagged("10.8.0.1", "10.8.0.2"))
                with inside(far):
                    send(link.sending, tagged("10.8.0.3", "10.8.0.1"))
                for line in said:
                    count = re.search(rb"([0-9,]+) packets", line)
                    if count and int(count[1].replace(b",", b"")) >= crossed(link) - before:
                        break
                words = interrupted(record)
            assert record.returncode == 130, words
    assert directions_of(directory) == {
        (HOST, FAR): (EGRESS, PINGS, PINGS),
        (FAR, HOST): (INGRESS, PINGS, PINGS),
        ("10.8.0.1", "10.8.0.2"): (EGRESS, PINGS, 0),
        ("10.8.0.3", "10.8.0.1"): (INGRESS, PINGS, 0),
    }
