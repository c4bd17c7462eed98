# SPDX-License-Identifier: BSD-2-Clause
"""One live run: a veth pair in a namespace of its own, xtop-capture on one end, xtop-traffic on the other.

The link's RX queue is the sending CPU's, so a second queue takes a second sender.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute

from tests.bench.bound_to_us import BOUND, inside, namespace, path_of

BIN = Path(sys.executable).parent
READY_S = 40.0
SETTLE_S = 0.5  # for the last frames on their way through rings


@dataclass(frozen=True)
class Traffic:
    """What is sent: so many frames of as many flows, in turn, as fast as it goes, from each of the CPUs."""

    frames: int
    flows: int
    size: int = 64
    cpus: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Live:
    """What came of it. ``unseen`` were neither received nor counted as lost: they must be 0, or the run is none."""

    sent: int
    received: int
    lost: int
    unseen: int
    seconds: float  # that the slowest sender took
    cpu_ns: float  # a packet: CPU time of the worker threads, in which they look for frames as well
    busy_ns: float  # a packet: time that workers had frames in hand

    @property
    def mpps(self) -> float:
        """Million packets received a second."""
        return self.received / self.seconds / 1e6


@contextmanager
def link(queues: int) -> Iterator[int]:
    """Yield a namespace (a descriptor) with a veth pair: what is sent into v0 arrives at v1."""
    with namespace() as fd:
        with IPRoute(netns=path_of(fd)) as route:
            ends = {"num_tx_queues": queues, "num_rx_queues": queues}
            route.link("add", ifname="v0", kind="veth", peer={"ifname": "v1", **ends}, **ends)
            for end in ("v0", "v1"):
                index = route.link_lookup(ifname=end)[0]
                silent = {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", 1)]})]}
                route.link("set", index=index, IFLA_AF_SPEC=silent)
                route.link("set", index=index, state="up")
        # Frames that XDP sends arrive by NAPI alone, which a generic program at the other end does not switch on.
        subprocess.run([*inside(fd), "ethtool", "-K", "v1", "gro", "on"], check=True, pass_fds=(fd,))
        yield fd


def live_run(traffic: Traffic, *options: str, ring: int = 16384) -> Live:
    """Capture with such options of xtop-capture, send, and read what it counted."""
    with link(len(traffic.cpus)) as fd:
        command = [*BOUND, str(BIN / "xtop-capture"), "--netns-fd", str(fd), "-i", "v1", "--ring", str(ring)]
        times = ["--idle-timeout", "1000", "--active-timeout", "100000"]
        # A session of its own, as xtop starts it: it comes before others then, and leaves the sender its share.
        kept = {"stdout": subprocess.PIPE, "pass_fds": (fd,), "start_new_session": True}
        with subprocess.Popen([*command, *times, *options], **kept) as capture:
            try:
                _wait_until_it_runs(capture)
                sent = _send(traffic, fd)
            finally:
                time.sleep(SETTLE_S)
                capture.send_signal(signal.SIGINT)
            assert capture.stdout is not None
            totals = json.loads(capture.stdout.read())
    all_sent = sum(one["sent"] for one in sent)
    return Live(
        all_sent,
        totals["received"],
        totals["lost"],
        all_sent - totals["received"] - totals["lost"],
        max(one["seconds"] for one in sent),
        totals["cpu_ns_per_packet"],
        totals["busy_ns_per_packet"],
    )


def _wait_until_it_runs(capture: subprocess.Popen[bytes]) -> None:
    """Its sandbox is shut at the very end of its start."""
    deadline = time.monotonic() + READY_S
    status = Path(f"/proc/{capture.pid}/status")
    while "Seccomp:\t2" not in status.read_text():
        if capture.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"xtop-capture does not run (exit code {capture.poll()})")
        time.sleep(0.01)
    time.sleep(SETTLE_S)


def sending(traffic: Traffic, fd: int) -> list[str]:
    """Return the command that sends one CPU's share from the far end; ``--cpu`` comes after it."""
    frames = str(traffic.frames // len(traffic.cpus))
    what = ["--frames", frames, "--flows", str(traffic.flows), "--size", str(traffic.size)]
    return [*BOUND, str(BIN / "xtop-traffic"), "--netns-fd", str(fd), "-i", "v0", *what]


def _send(traffic: Traffic, fd: int) -> list[dict[str, float]]:
    """Send from all CPUs at once."""
    command = sending(traffic, fd)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    senders = [subprocess.Popen([*command, "--cpu", str(cpu)], pass_fds=(fd,), **pipes) for cpu in traffic.cpus]
    return [json.loads(sender.communicate()[0]) for sender in senders]
