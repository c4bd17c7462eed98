# SPDX-License-Identifier: BSD-2-Clause
"""What a TCP transfer loses by being watched: ``python -m tests.bench.watched_throughput``, with ``--help``.

Two namespaces of their own, a veth pair between them, one TCP connection. Each round runs unwatched and watched, in an
order that alternates, so that what the machine does besides falls on both. Prints one JSON object; needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import IPRoute, netns

XTOP = str(Path(sys.executable).parent / "xtop")
ADDRESSES = {"near": "192.0.2.1", "far": "192.0.2.2"}
BLOCK = bytes(1 << 18)


@contextmanager
def two_hosts() -> Iterator[dict[str, str]]:
    """Yield the names of two namespaces with a link between them; its near end is called v1."""
    names = {end: f"xtop-bench-{os.getpid()}-{end}" for end in ADDRESSES}
    for name in names.values():
        netns.create(name)
    try:
        with IPRoute(netns=f"/run/netns/{names['near']}") as route:
            route.link("add", ifname="v1", kind="veth", peer={"ifname": "v0", "net_ns_fd": names["far"]})
        for end, interface in (("near", "v1"), ("far", "v0")):
            with IPRoute(netns=f"/run/netns/{names[end]}") as route:
                index = route.link_lookup(ifname=interface)[0]
                route.addr("add", index=index, address=ADDRESSES[end], prefixlen=24)
                route.link("set", index=index, state="up")
        yield names
    finally:
        for name in names.values():
            netns.remove(name)


def connection(names: dict[str, str]) -> tuple[socket.socket, socket.socket]:
    """A connection from the far host to the near one."""
    netns.pushns(names["near"])
    listener = socket.create_server((ADDRESSES["near"], 0))
    netns.popns()
    netns.pushns(names["far"])
    client = socket.create_connection(listener.getsockname())
    netns.popns()
    server, _ = listener.accept()
    listener.close()
    return server, client


def transfer(names: dict[str, str], seconds: float) -> float:
    """Bytes a second that arrive at the near host."""
    server, client = connection(names)
    ending = time.monotonic() + seconds

    def send() -> None:
        while time.monotonic() < ending:
            client.sendall(BLOCK)
        client.close()

    sender = threading.Thread(target=send)
    begun = time.monotonic()
    sender.start()
    taken = 0
    while data := server.recv(1 << 20):
        taken += len(data)
    sender.join()
    server.close()
    return taken / (time.monotonic() - begun)


@contextmanager
def watched(names: dict[str, str], capture: str) -> Iterator[None]:
    """xtop watches the near end meanwhile."""
    command = ["ip", "netns", "exec", names["near"], XTOP, "snapshot", "-i", "v1", "--capture", capture, "--every", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield
        process.terminate()
        drain.join()


def pair(names: dict[str, str], capture: str, seconds: float, watched_first: bool) -> dict[str, float]:
    """One round, both ways."""
    rates = {}
    for way in ("watched", "alone") if watched_first else ("alone", "watched"):
        if way == "watched":
            with watched(names, capture):
                rates[way] = transfer(names, seconds)
        else:
            rates[way] = transfer(names, seconds)
    return rates


def main() -> None:
    """Run the rounds and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--capture", default="ebpf", choices=("ebpf", "af_packet"))
    options = parser.parse_args()
    with two_hosts() as names:
        transfer(names, 0.5)  # warm
        rounds = [pair(names, options.capture, options.seconds, number % 2 == 1) for number in range(options.rounds)]
    ratios = sorted(one["watched"] / one["alone"] for one in rounds)
    result = {
        "capture": options.capture,
        "rounds": options.rounds,
        "gbit_s_alone": round(statistics.median(one["alone"] for one in rounds) * 8 / 1e9, 2),
        "gbit_s_watched": round(statistics.median(one["watched"] for one in rounds) * 8 / 1e9, 2),
        "ratio_median": round(statistics.median(ratios), 3),
        "ratio_least": round(ratios[0], 3),
        "ratio_most": round(ratios[-1], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
