# SPDX-License-Identifier: BSD-2-Clause
"""--sample and --sample-random on a real link: the choice is exact, each packet is counted, and what is left out ends
in the kernel, where a BPF program takes the packets."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Link
from .test_keep_host import TRAFFIC_MAC, TwoHosts, hosts, talk
from .test_snapshot import arrived, assert_law, series

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
__all__ = ["hosts"]  # a fixture
CPU = max(os.sched_getaffinity(0))
WAYS = {
    "native": ("--capture", "af_xdp", "-N"),
    "generic": ("--capture", "af_xdp", "-S"),
    "ebpf": ("--capture", "ebpf"),
    "af_packet": ("--capture", "af_packet"),
}
SIGMAS = 6.5  # one honest run in ten thousand million lies outside


def binomial_bounds(packets: int, interval: int) -> tuple[float, float]:
    """What a choice of each packet with probability 1/interval gives, but for one run in 10^10."""
    mean = packets / interval
    deviation = math.sqrt(packets / interval * (1 - 1 / interval))
    return mean - SIGMAS * deviation, mean + SIGMAS * deviation


def taken(snapshot: dict[str, Any]) -> int:
    law = snapshot["accounting"]
    return int(law["received"] - law["sampled_out"])


@pytest.mark.parametrize("way", WAYS)
def test_one_in_n_by_count_is_exact(make_link: MakeLink, way: str) -> None:
    """One stream on one CPU: packets 1, N + 1, 2 N + 1 ...; flow f of the traffic sends each 500th frame."""
    link = make_link(gro=way != "native")
    with series(link, *WAYS[way], "--sample", "7") as running:
        link.send(60_001, "--flows", "500", "--size", "64", "--cpu", str(CPU))
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 60_001)
        snapshot = running.next()
    assert (arrived(snapshot), snapshot["lost"]["total"]) == (60_001, 0)
    assert_law(snapshot)
    assert taken(snapshot) == math.ceil(60_001 / 7)
    assert snapshot["totals"]["bytes"] == 60_001 * 64
    source = snapshot["source"]
    assert (source["sampling"], source["sampling_method"]) == (7, "systematic")
    chosen: dict[int, int] = {}
    for frame in range(0, 60_001, 7):
        chosen[1024 + frame % 500] = chosen.get(1024 + frame % 500, 0) + 1
    assert {flow["source_port"]: flow["packets"] for flow in snapshot["flows"]} == chosen


@pytest.mark.parametrize("way", ["native", "ebpf", "af_packet"])
def test_one_in_n_by_chance(make_link: MakeLink, way: str) -> None:
    link = make_link(gro=way != "native")
    with series(link, *WAYS[way], "--sample-random", "8") as running:
        link.send(60_000, "--flows", "500", "--size", "64")
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 60_000)
        snapshot = running.next()
    assert (arrived(snapshot), snapshot["lost"]["total"]) == (60_000, 0)
    assert_law(snapshot)
    low, high = binomial_bounds(60_000, 8)
    assert low < taken(snapshot) < high
    assert (snapshot["source"]["sampling"], snapshot["source"]["sampling_method"]) == (8, "random")


def test_what_is_left_out_touches_no_ring(make_link: MakeLink) -> None:
    """300,000 frames at full speed past rings of 64 descriptors: without sampling most of them would be lost."""
    link = make_link(4)
    with series(link, "--capture", "af_xdp", "-N", "--ring", "64", "--sample", "5000") as running:
        for cpu in sorted(os.sched_getaffinity(0))[:2]:  # the sender's CPU chooses the RX queue
            link.send(300_000, "--flows", "100", "--size", "64", "--cpu", str(cpu))
        sent = 300_000 * min(2, len(os.sched_getaffinity(0)))
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= sent)
        snapshot = running.next()
    assert (arrived(snapshot), snapshot["lost"]["total"]) == (sent, 0)
    assert_law(snapshot)
    assert taken(snapshot) == sent // 5000  # each queue is a stream of its own
    for queue in snapshot["queues"]:
        assert queue["packets"] % 300_000 == 0


def test_what_stays_with_the_host_is_sampled_as_well(make_link: MakeLink) -> None:
    """A flood to the own MAC, more than the ring buffer could hold: it goes on to the host, 1 in 1000 is copied."""
    link = make_link()
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname=link.captured)[0], address=TRAFFIC_MAC)
    with series(link, "--capture", "af_xdp", "--sample", "1000") as running:
        link.send(400_000, "--flows", "200", "--size", "64", "--cpu", str(CPU))
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 400_000)
        snapshot = running.next()
    assert (arrived(snapshot), snapshot["lost"]["total"]) == (400_000, 0)
    assert_law(snapshot)
    assert taken(snapshot) == 400


@pytest.mark.parametrize("capture", ["af_xdp", "ebpf"])
def test_the_host_misses_nothing(hosts: TwoHosts, capture: str) -> None:
    """A session over the sampled link lives on, and the totals are those of the interface."""
    server, client = hosts.session()
    force = ("--force",) if capture == "af_xdp" else ()
    with server, client, series(hosts.link, "--capture", capture, *force, "--sample", "10") as running:
        before, came = running.quiet(hosts.received_by_interface)
        talk(server, client)
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{hosts.far}", "ping", "-q", "-c", "20", "-i", "0.02", "192.0.2.1"],
            capture_output=True,
            text=True,
        )
        assert " 0% packet loss" in done.stdout
        if capture == "af_xdp":  # which sees what arrives and nothing else
            running.until(lambda snapshot: arrived(snapshot) - came == hosts.received_by_interface() - before)
        snapshot = running.until(lambda snapshot: snapshot["accounting"]["sampled_out"] > 50)
    assert_law(snapshot)
    assert snapshot["lost"]["total"] == 0
