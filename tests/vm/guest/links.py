# SPDX-License-Identifier: BSD-2-Clause
"""The guest's NICs: the one that sends, the one that is captured on, and what the kernel says of them."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pyroute2 import IPRoute

PATIENCE_S = 40.0
BURST = 48  # fewer than any NIC's ring has places
LOST_BY_NIC = ("rx_dropped", "rx_missed_errors", "rx_fifo_errors")  # counters of frames that no program met
SENDER_MAC, CAPTURED_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


class Fault(Exception):
    """Something that a check expected did not hold."""


def wait_until(true: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait; raise Fault when it does not come true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Fault(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)


def by_mac(mac: str) -> str:
    """Name of the interface with this address."""
    for path in Path("/sys/class/net").iterdir():
        if path.joinpath("address").read_text().strip() == mac:
            return path.name
    raise Fault(f"no NIC {mac}: its driver did not take it")


def command(*words: str) -> str:
    """Run a program; what it says."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise Fault(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Nic:
    """One interface."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._route = IPRoute()

    def read(self, attribute: str) -> str:
        return Path("/sys/class/net", self.name, attribute).read_text().strip()

    def count(self, name: str) -> int:
        """One of the interface's own counters, as the kernel has it."""
        return int(self.read(f"statistics/{name}"))

    def set_up(self) -> None:
        """Up and with its carrier there; nothing is sent of the kernel's own accord."""
        Path("/proc/sys/net/ipv6/conf", self.name, "disable_ipv6").write_text("1")
        command("ip", "link", "set", self.name, "up")
        self.wait_for_carrier()

    def set_down(self) -> None:
        command("ip", "link", "set", self.name, "down")

    def has_carrier(self) -> bool:
        try:
            return self.read("carrier") == "1"
        except OSError:
            return False  # down

    def wait_for_carrier(self) -> None:
        wait_until(self.has_carrier, f"{self.name} has its carrier")

    def queues(self, wanted: int) -> None:
        """Have so many RX queues."""
        said = subprocess.run(["ethtool", "-l", self.name], capture_output=True, text=True).stdout
        now = re.findall(r"(?:Combined|RX):\s+(\d+)", said.partition("Current")[2])
        if (sum(map(int, now)) or 1) != wanted:
            command("ethtool", "-L", self.name, "combined", str(wanted))
        self.wait_for_carrier()

    def most_queues(self, wanted: int) -> None:
        """Have so many RX queues, or what there is where the driver does not let one choose."""
        with contextlib.suppress(Fault):
            self.queues(wanted)

    def smallest_ring(self) -> None:
        """Have an RX ring of 32 frames, or what there is where the driver does not let one choose."""
        with contextlib.suppress(Fault):
            command("ethtool", "-G", self.name, "rx", "32")
        self.wait_for_carrier()

    def set_mtu(self, mtu: int) -> None:
        """Bytes of an IP packet; the kernel's refusal is a Fault."""
        command("ip", "link", "set", self.name, "mtu", str(mtu))
        self.wait_for_carrier()

    def xdp_mode(self) -> str:
        """As ip(8) shows it: "xdp" (in the driver), "xdpgeneric", or "" where no program is attached."""
        link = next(iter(self._route.get_links(ifname=self.name)))
        return link.get(("IFLA_XDP", "IFLA_XDP_ATTACHED")) or ""

    def driver(self) -> str:
        return re.findall(r"driver: (\S+)", command("ethtool", "-i", self.name))[0]


class Sender:
    """Frames into the wire, never more at once than the captured NIC has places for."""

    def __init__(self, nic: Nic, captured: Nic) -> None:
        self.nic, self.captured = nic, captured
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((nic.name, 0))
        self.socket.settimeout(PATIENCE_S)  # QEMU stops a sender while no ring of the receiver has room

    def send(self, frames: list[bytes]) -> None:
        """Send them, a burst at a time: the next when the kernel has counted the last."""
        self.captured.wait_for_carrier()
        for first in range(0, len(frames), BURST):
            due = self.captured.count("rx_packets") + self.flood(frames[first : first + BURST])
            wait_until(partial(self._received, due), "the NIC has received a burst")

    def _received(self, frames: int) -> bool:
        return self.captured.count("rx_packets") >= frames

    def flood(self, frames: list[bytes]) -> int:
        """Send as fast as it goes; how many."""
        try:
            for frame in frames:
                self.socket.send(frame)
        except TimeoutError:
            raise Fault("the receiving NIC has stopped the sender") from None
        return len(frames)
