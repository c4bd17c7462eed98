# SPDX-License-Identifier: BSD-2-Clause
"""What a TCP transfer loses by being watched: ``python -m tests.bench.watched_throughput``, with ``--help``.

Two namespaces of their own, a veth pair between them, one TCP connection. Each round runs unwatched and watched, in an
order that alternates, so that what the machine does besides falls on both. Prints one JSON object; needs root.

``throughput`` is what a user sees, and depends on who else wants the CPUs. ``cpu`` is the CPU time that both ends spend
on a byte, the kernel's work for them (the link, and the counting program) included: it depends on others far less.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute, netns

from tests.bench.bound_to_us import inside, namespace, path_of

XTOP = str(Path(sys.executable).parent / "xtop")
ADDRESSES = {"near": "192.0.2.1", "far": "192.0.2.2"}
BLOCK = bytes(1 << 18)


@contextmanager
def two_hosts() -> Iterator[dict[str, int]]:
    """Yield two namespaces (descriptors) with a link between them; its near end is called v1."""
    with namespace() as near, namespace() as far:
        with IPRoute(netns=path_of(near)) as route:
            route.link("add", ifname="v1", kind="veth", peer={"ifname": "v0", "net_ns_fd": path_of(far)})
        for end, fd, interface in (("near", near, "v1"), ("far", far, "v0")):
            with IPRoute(netns=path_of(fd)) as route:
                index = route.link_lookup(ifname=interface)[0]
                route.addr("add", index=index, address=ADDRESSES[end], prefixlen=24)
                route.link("set", index=index, state="up")
        yield {"near": near, "far": far}


def connection(hosts: dict[str, int]) -> tuple[socket.socket, socket.socket]:
    """A connection from the far host to the near one."""
    netns.pushns(path_of(hosts["near"]))
    listener = socket.create_server((ADDRESSES["near"], 0))
    netns.popns()
    netns.pushns(path_of(hosts["far"]))
    client = socket.create_connection(listener.getsockname())
    netns.popns()
    server, _ = listener.accept()
    listener.close()
    return server, client


@dataclass(frozen=True)
class Cost:
    """Of one transfer."""

    rate: float  # bytes a second that arrived
    cpu: float  # seconds of CPU time a byte, of both ends


def transfer(hosts: dict[str, int], seconds: float) -> Cost:
    """From the far host to the near one."""
    server, client = connection(hosts)
    ending = time.monotonic() + seconds

    def send() -> None:
        while time.monotonic() < ending:
            client.sendall(BLOCK)
        client.close()

    sender = threading.Thread(target=send)
    begun, used = time.monotonic(), time.process_time()
    sender.start()
    taken = 0
    while data := server.recv(1 << 20):
        taken += len(data)
    sender.join()
    server.close()
    return Cost(taken / (time.monotonic() - begun), (time.process_time() - used) / taken)


@contextmanager
def watched(hosts: dict[str, int], capture: str) -> Iterator[None]:
    """xtop watches the near end meanwhile."""
    near = hosts["near"]
    command = [*inside(near), XTOP, "snapshot", "-i", "v1", "--capture", capture, "--every", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(near,)) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit(f"xtop does not watch: {' '.join(command)}")
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield
        process.terminate()
        drain.join()


def pair(hosts: dict[str, int], capture: str, seconds: float, watched_first: bool) -> dict[str, Cost]:
    """One round, both ways."""
    costs = {}
    for way in ("watched", "alone") if watched_first else ("alone", "watched"):
        if way == "watched":
            with watched(hosts, capture):
                costs[way] = transfer(hosts, seconds)
        else:
            costs[way] = transfer(hosts, seconds)
    return costs


def spread(ratios: list[float]) -> dict[str, float]:
    """Least, median and most."""
    return {
        "least": round(min(ratios), 3),
        "median": round(statistics.median(ratios), 3),
        "most": round(max(ratios), 3),
    }


def main() -> None:
    """Run the rounds and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--capture", default="ebpf", choices=("ebpf", "af_packet"))
    options = parser.parse_args()
    with two_hosts() as hosts:
        transfer(hosts, 0.5)  # warm
        rounds = [pair(hosts, options.capture, options.seconds, number % 2 == 1) for number in range(options.rounds)]
    result = {
        "capture": options.capture,
        "rounds": options.rounds,
        "gbit_s_alone": round(statistics.median(one["alone"].rate for one in rounds) * 8 / 1e9, 2),
        "throughput_ratio": spread([one["watched"].rate / one["alone"].rate for one in rounds]),
        "cpu_ns_per_kbyte_alone": round(statistics.median(one["alone"].cpu for one in rounds) * 1e12, 1),
        "cpu_ratio": spread([one["watched"].cpu / one["alone"].cpu for one in rounds]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
