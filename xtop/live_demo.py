# SPDX-License-Identifier: BSD-2-Clause
"""The stage of the demo with rights: a veth pair in a network namespace of its own, and real frames across it.

The namespace has no name. It lives as long as somebody holds it open: this object's descriptor, xtop-capture and
xtop-traffic. When the last of them ends, of kill -9 too, the kernel takes it away with the pair and all that is
attached, so there is never anything left for the next start to clear.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from pyroute2 import IPRoute
from pyroute2.netns import setns

from xtop.capture_process import find_program
from xtop.ethtool.ioctl import write_gro
from xtop.ethtool.refusal import Refusal
from xtop.source import SourceError

SENDING_SIDE = "xtop-demo0"
CAPTURED_SIDE = "xtop-demo1"
MAX_QUEUES = 4
SETUP_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0
_NO_LINK_LOCAL_ADDRESS = 1  # IN6_ADDR_GEN_MODE_NONE: else the kernel's own IPv6 chatter is part of the traffic


class LiveDemo:
    """A private link: capture on ``interface`` in ``netns_fd``, then start the traffic. Close it at the end.

    Raises SourceError where the rights or the kernel's features are missing.
    """

    interface = CAPTURED_SIDE

    def __init__(self, queues: int | None = None) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        self.queues = queues or min(MAX_QUEUES, len(cpus))
        # A frame reaches the peer's RX queue of the number of the CPU that sends it, modulo the queues.
        self._cpus = list({cpu % self.queues: cpu for cpu in reversed(cpus)}.values())
        self._traffic: subprocess.Popen[bytes] | None = None
        self.netns_fd = new_namespace()
        try:
            _make_veth_pair(self.netns_fd, self.queues)
        except Exception as error:  # pyroute2 raises its own kinds
            self.close()
            raise SourceError(f"cannot make a veth pair ({error}; see: modprobe veth)", 2) from None

    def start_traffic(self, *, rate: int | None = None, flows: int | None = None, seed: int | None = None) -> None:
        """Start the traffic; return when its first frames are sent.

        Call it when the capture is ready: what is sent before that nobody sees.
        """
        arguments = [find_program("xtop-traffic"), "-i", SENDING_SIDE, "--netns-fd", str(self.netns_fd), "--demo"]
        for cpu in self._cpus:
            arguments += ["--cpu", str(cpu)]
        for option, value in (("--rate", rate), ("--flows", flows), ("--seed", seed)):
            if value is not None:
                arguments += [option, str(value)]
        # It ends when its standard input does: when this process goes, whatever way.
        self._traffic = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(self.netns_fd,),
            start_new_session=True,
        )
        if not _says_something(self._traffic):
            raise SourceError(self._end_traffic() or "no traffic (xtop-traffic does not start)", 2)

    def tell_traffic_to_end(self) -> None:
        """Let the traffic end; `close` waits until it has. Never waits."""
        if self._traffic is not None:
            self._traffic.terminate()

    def close(self) -> None:
        """Stop the traffic and let go of the namespace. Idempotent."""
        self._end_traffic()
        if self.netns_fd >= 0:
            os.close(self.netns_fd)
            self.netns_fd = -1

    def __enter__(self) -> LiveDemo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _end_traffic(self) -> str:
        """Stop xtop-traffic if it runs, and return what it complained of."""
        traffic, self._traffic = self._traffic, None
        if traffic is None:
            return ""
        traffic.terminate()
        try:
            _, complaint = traffic.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            traffic.kill()
            _, complaint = traffic.communicate()
        return complaint.decode(errors="replace").strip().removeprefix("xtop: error: ")


def _says_something(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], ANSWER_TIMEOUT_S)
    return bool(ready and process.stdout.readline())


def new_namespace() -> int:
    """Return a descriptor of a network namespace that nobody else has.

    A helper process enters it and ends once the descriptor is open (Python cannot unshare itself before 3.12).
    """
    try:
        helper = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", "echo; read _"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise SourceError(f"cannot make a network namespace (unshare: {error.strerror})", 2) from None
    try:
        if not _says_something(helper):
            raise SourceError("cannot make a network namespace (CAP_SYS_ADMIN is missing; run as root)", 3)
        return os.open(f"/proc/{helper.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        with contextlib.suppress(OSError):
            helper.communicate(b"\n", timeout=SETUP_TIMEOUT_S)


def _make_veth_pair(netns_fd: int, queues: int) -> None:
    """Make the pair in the namespace and wait for its carrier."""
    ends = {"num_tx_queues": queues, "num_rx_queues": queues}
    with IPRoute(netns=f"/proc/self/fd/{netns_fd}") as route:
        route.link("add", ifname=SENDING_SIDE, kind="veth", peer={"ifname": CAPTURED_SIDE, **ends}, **ends)
        for name in (SENDING_SIDE, CAPTURED_SIDE):
            index = route.link_lookup(ifname=name)[0]
            quiet = {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", _NO_LINK_LOCAL_ADDRESS)]})]}
            with contextlib.suppress(Exception):  # a kernel without IPv6 is as quiet
                route.link("set", index=index, IFLA_AF_SPEC=quiet)
            route.link("set", index=index, state="up")
        deadline = time.monotonic() + SETUP_TIMEOUT_S
        while not all(link.get("IFLA_CARRIER") for link in route.get_links(kind="veth")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{CAPTURED_SIDE} has no carrier")
            time.sleep(0.01)
    with ThreadPoolExecutor(1) as visitor:  # a thread that ends in the namespace: what it enters, it alone does
        visitor.submit(_hand_on_without_native_xdp, netns_fd).result()


def _hand_on_without_native_xdp(netns_fd: int) -> None:
    """Enter the namespace, and have its captured end hand frames on whatever captures there.

    Without GRO a veth drops what its peer is handed as xtop-traffic does it, unless a program of native XDP is on it.
    """
    setns(netns_fd)
    with contextlib.suppress(Refusal):  # a kernel that cannot: before 5.13
        write_gro(CAPTURED_SIDE, True)
