# SPDX-License-Identifier: BSD-2-Clause
"""A network namespace with a veth pair for each test that asks for one. The host's interfaces are never touched."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import IPRoute, netns

ROOT = Path(__file__).resolve().parents[2]
BUILDS = (ROOT / "build" / "native-tests", ROOT / "build" / "native", ROOT / "build" / "sanitize")
ANSWER_TIMEOUT_S = 40.0
_number = itertools.count()


def program(name: str) -> str:
    """A binary of this tree: $XTOP_BINARIES, a build directory, beside this Python. Its absence skips the test."""
    places = [Path(place) for place in os.environ.get("XTOP_BINARIES", "").split(":") if place]
    places += [build / part for build in BUILDS for part in ("capture", "tests/native")]
    places.append(Path(sys.executable).parent)
    found = [place / name for place in places if os.access(place / name, os.X_OK)]
    if not found:
        pytest.skip(f"{name} is not built (run: make test, which builds it into {BUILDS[0]})")
    return str(found[0])


@dataclass
class Link:
    """A veth pair: what is sent into ``sending`` arrives at ``captured``."""

    namespace: str
    netns_fd: int
    sending: str = "v0"
    captured: str = "v1"

    def route(self) -> IPRoute:
        return IPRoute(netns=f"/run/netns/{self.namespace}")

    def counters(self) -> dict[str, int]:
        """What the kernel counts at the captured end (ip -s link)."""
        with self.route() as route:
            found: dict[str, int] = next(iter(route.get_links(ifname=self.captured))).get("IFLA_STATS64")
        return found

    def xdp_program(self) -> int:
        """Id of the program on the captured end, 0 = none."""
        with self.route() as route:
            link = next(iter(route.get_links(ifname=self.captured)))
        return link.get(("IFLA_XDP", "IFLA_XDP_PROG_ID")) or 0

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread lives in the namespace meanwhile."""
        netns.pushns(self.namespace)
        try:
            yield
        finally:
            netns.popns()

    def command(self, *command: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command]

    def send(self, frames: int, *options: str) -> dict[str, Any]:
        """Send exactly so many frames; return what xtop-traffic says of it."""
        done = subprocess.run(
            [program("xtop-traffic"), "-i", self.sending, "--netns-fd", str(self.netns_fd), "--frames", str(frames)]
            + list(options),
            pass_fds=(self.netns_fd,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode == 2 and "5.18" in done.stderr:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


class Drain:
    """A running xsk_drain: source_af_xdp without anything behind it."""

    def __init__(self, link: Link, *options: str, prefix: tuple[str, ...] = ()) -> None:
        command = [program("xsk_drain"), link.captured, "--netns", str(link.netns_fd), *options]
        self.process = subprocess.Popen(
            [*prefix, *command],
            pass_fds=(link.netns_fd,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)
        line = self.process.stdout.readline()
        self.ready: dict[str, Any] | None = json.loads(line) if line else None

    def received(self) -> int:
        """Frames it took so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self) -> dict[str, Any]:
        """End it and return its counters; ``received`` and ``lost`` are sums over all queues and causes."""
        out, error = self.process.communicate(timeout=ANSWER_TIMEOUT_S)
        assert out, error
        counters: dict[str, Any] = json.loads(out)
        causes = ("rx_dropped", "rx_ring_full", "rx_fill_ring_empty", "rx_invalid_descs")
        counters["received"] = sum(queue["received"] for queue in counters["queues"])
        counters["lost"] = counters["nic"] + sum(queue[cause] for queue in counters["queues"] for cause in causes)
        return counters

    def refused(self) -> tuple[int, str]:
        """Exit code and message of one that did not start."""
        assert self.ready is None, self.ready
        _, error = self.process.communicate(timeout=ANSWER_TIMEOUT_S)
        return self.process.returncode, error

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def create_namespace(name: str) -> None:
    """A namespace in which no interface, new or moved in, gives itself an IPv6 address: reports of memberships and
    solicitations of routers would come among what a test counts, at any time in its first seconds."""
    netns.create(name)
    netns.pushns(name)
    try:
        Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text("1")
    finally:
        netns.popns()


def wait_until(true: Callable[[], bool], seconds: float = 40.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("network namespaces and AF_XDP need root (run: sudo make test)")
    if shutil.which("nsenter") is None:
        pytest.skip("nsenter is missing (install util-linux)")


@pytest.fixture
def make_link(root: None) -> Iterator[Callable[..., Link]]:
    """Call it for a link: ``make_link(queues=4, mtu=9000, gro=True)``."""
    links: list[Link] = []

    def make(queues: int = 1, mtu: int = 1500, gro: bool = False) -> Link:
        name = f"xtop-test-{os.getpid()}-{next(_number)}"
        create_namespace(name)
        link = Link(name, os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC))
        links.append(link)
        ends = {"num_tx_queues": queues, "num_rx_queues": queues}
        with link.route() as route:
            peer = {"ifname": link.captured, **ends}
            route.link("add", ifname=link.sending, kind="veth", peer=peer, **ends)
            for end in (link.sending, link.captured):
                index = route.link_lookup(ifname=end)[0]
                route.link("set", index=index, mtu=mtu, state="up")
        if gro:  # frames from XDP need NAPI at the peer, which a generic program does not switch on
            subprocess.run(link.command("ethtool", "-K", link.captured, "gro", "on"), check=True)
        return link

    yield make
    for link in links:
        os.close(link.netns_fd)
        netns.remove(link.namespace)


@pytest.fixture
def make_drain() -> Iterator[Callable[..., Drain]]:
    drains: list[Drain] = []

    def make(link: Link, *options: str, prefix: tuple[str, ...] = ()) -> Drain:
        drains.append(Drain(link, *options, prefix=prefix))
        return drains[-1]

    yield make
    for drain in drains:
        drain.kill()
