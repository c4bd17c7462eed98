# SPDX-License-Identifier: BSD-2-Clause
"""A NIC that deals the directions of a flow out to two queues: the flows are those of one queue, each told of once,
though each queue ends what it saw by itself."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

from tests.collectors.seen_flows import of_tshark

from .conftest import Link
from .held_thread import held, threads_named
from .recording import interrupted, recording
from .test_snapshot import arrived, assert_law, capture_of, series

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
FLOWS = 40
IDLE_S = 5
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
THERE = [bytes(ETHER / IP(src=CLIENT, dst=SERVER) / UDP(sport=1000 + n, dport=53) / b"question") for n in range(FLOWS)]
BACK = [bytes(ETHER / IP(src=SERVER, dst=CLIENT) / UDP(sport=53, dport=1000 + n) / b"answer") for n in range(FLOWS)]


class Sides:
    """Sends what goes there from one CPU and what comes back from another: on veth these are different RX queues.

    No two frames of a direction may come further apart than the idle timeout: ``gap`` is the longest that did.
    """

    def __init__(self, link: Link) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        if len({cpu % 2 for cpu in cpus}) < 2:
            pytest.skip("two queues of a veth need an even and an odd CPU to send from")
        self._cpu = [next(cpu for cpu in cpus if cpu % 2 == queue) for queue in (0, 1)]
        self._all = set(cpus)
        with link.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)  # else the flow's hash chooses the queue
        self._socket.bind((link.sending, 0))
        self._at = time.monotonic()
        self.gap = 0.0

    def send(self, queue: int, frames: list[bytes]) -> None:
        os.sched_setaffinity(0, {self._cpu[queue]})
        try:
            for frame in frames:
                self._socket.send(frame)
        finally:
            os.sched_setaffinity(0, self._all)
        now = time.monotonic()
        self.gap, self._at = max(self.gap, now - self._at), now


def test_halves_that_end_apart_are_one_flow(make_link: MakeLink) -> None:
    """The questions' queue is done with them while answers still come; then the answers' queue is, too."""
    link = make_link(queues=2)
    with series(link, "-N", "--idle-timeout", str(IDLE_S), "--ended") as running:
        sides = Sides(link)
        sides.send(0, THERE)
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= FLOWS)
        answers = 0
        while snapshot["totals"]["flows_ended"] < FLOWS:
            sides.send(1, BACK)
            answers += 1
            sent = FLOWS * (1 + answers)
            snapshot = running.until(lambda snapshot, sent=sent: arrived(snapshot) >= sent)
            time.sleep(0.5)
        snapshot = running.next()
        assert sides.gap < IDLE_S, "this machine stood still"
        assert [queue["packets"] for queue in snapshot["queues"]] == [FLOWS, FLOWS * answers]
        assert (len(snapshot["flows"]), snapshot["totals"]["flows_live"]) == (FLOWS, FLOWS)
        assert {flow["end_reason"] for flow in snapshot["flows"]} == {None}
        assert_law(snapshot)
        snapshot = running.until(lambda snapshot: snapshot["totals"]["flows_live"] == 0)
        snapshot = running.next()
    assert len(snapshot["flows"]) == FLOWS
    assert {flow["source"] for flow in snapshot["flows"]} == {CLIENT}
    counts = {(flow["forward"]["packets"], flow["reverse"]["packets"]) for flow in snapshot["flows"]}
    assert counts == {(1, answers)}
    assert {flow["end_reason"] for flow in snapshot["flows"]} == {"idle"}
    assert_law(snapshot)


def test_a_collector_gets_them_whole(make_link: MakeLink, tmp_path: Path) -> None:
    """Half of each flow has ended when the capture is told to end: the collector gets both halves in one record."""
    link = make_link(queues=2)
    file = tmp_path / "flows.ipfix"
    with recording(link, "-N", "--idle-timeout", str(IDLE_S), "--ipfix", f"file:{file}") as (record, said):
        assert b"0 packets" in said.readline()
        sides = Sides(link)
        sides.send(0, THERE)
        answers = 0
        for line in said:
            if f" {FLOWS} ended".encode() in line:
                break
            if f"{FLOWS} packets".encode() in line or answers:
                sides.send(1, BACK)
                answers += 1
        for line in said:
            if f"{FLOWS * (1 + answers):,} packets".encode() in line:
                break
        words = interrupted(record)
    assert record.returncode == 130, words
    assert sides.gap < IDLE_S, "this machine stood still"
    flows = of_tshark(file)
    assert flows.total() == FLOWS
    assert {one.source for one in flows} == {CLIENT}
    assert {one.ports for one in flows} == {(1000 + n, 53) for n in range(FLOWS)}
    assert {(one.packets, one.back[0]) for one in flows} == {(1, answers)}


def segment(source: str, destination: str, ports: tuple[int, int], flags: str) -> bytes:
    return bytes(ETHER / IP(src=source, dst=destination) / TCP(sport=ports[0], dport=ports[1], flags=flags))


def test_a_connection_whose_fins_came_apart_is_over(make_link: MakeLink) -> None:
    """Long before the idle timeout: no queue saw both FINs, and one did not see the RST."""
    link = make_link(queues=2)
    there = [segment(CLIENT, SERVER, (1000 + n, 80), flags) for n in range(FLOWS) for flags in ("S", "A", "FA")]
    back = [segment(SERVER, CLIENT, (80, 1000 + n), flags) for n in range(FLOWS) for flags in ("SA", "FA")]
    there += [segment(CLIENT, SERVER, (5000, 80), "S")]
    back += [segment(SERVER, CLIENT, (80, 5000), "RA")]
    with series(link, "-N", "--idle-timeout", "3600", "--ended") as running:
        sides = Sides(link)
        sides.send(0, there)
        running.until(lambda snapshot: snapshot["queues"][0]["packets"] == len(there))  # no RST before its SYN
        sides.send(1, back)
        snapshot = running.until(lambda snapshot: snapshot["totals"]["flows_ended"] == 2 * (FLOWS + 1))
        snapshot = running.next()
    assert [queue["packets"] for queue in snapshot["queues"]] == [len(there), len(back)]
    assert (len(snapshot["flows"]), snapshot["totals"]["flows_live"]) == (FLOWS + 1, 0)
    assert {flow["source"] for flow in snapshot["flows"]} == {CLIENT}
    assert {flow["end_reason"] for flow in snapshot["flows"]} == {"tcp"}
    seen = {(flow["tcp_state"], flow["forward"]["packets"], flow["reverse"]["packets"]) for flow in snapshot["flows"]}
    assert seen == {("closed", 3, 2), ("reset", 1, 1)}
    assert_law(snapshot)


def ping(source: str, destination: str, kind: int, number: int) -> bytes:
    return bytes(ETHER / IP(src=source, dst=destination) / ICMP(type=kind, id=number) / b"ping")


def test_who_opened_is_no_matter_of_time(make_link: MakeLink) -> None:
    """One worker gets no CPU while both queues fill, so what opened the flows is stamped after all that answers it."""
    link = make_link(queues=2)
    ports = [(1000 + n, 80) for n in range(FLOWS)]
    there = [segment(CLIENT, SERVER, port, flags) for port in ports for flags in ("S", "A", "FA")]
    back = [segment(SERVER, CLIENT, port[::-1], flags) for port in ports for flags in ("SA", "FA")]
    there.append(ping(CLIENT, SERVER, 8, 1))
    back.append(ping(SERVER, CLIENT, 0, 1))
    with series(link, "-N", "--idle-timeout", "3600", "--ended") as running:
        sides = Sides(link)
        with held(threads_named(capture_of(link, running), "xtop-worker")[0]):
            sides.send(0, there)
            sides.send(1, back)
            snapshot = running.until(lambda snapshot: snapshot["queues"][1]["packets"] == len(back))
            assert snapshot["queues"][0]["packets"] == 0
        running.until(lambda snapshot: snapshot["queues"][0]["packets"] == len(there))
        assert {flow["source"] for flow in running.next()["flows"]} == {CLIENT}
        running.until(lambda snapshot: snapshot["totals"]["flows_ended"] == 2 * FLOWS)
        snapshot = running.next()
    seen = Counter(
        (flow["source"], flow["end_reason"], flow["tcp_state"], flow["forward"]["packets"], flow["reverse"]["packets"])
        for flow in snapshot["flows"]
    )
    assert seen == {(CLIENT, "tcp", "closed", 3, 2): FLOWS, (CLIENT, None, None, 1, 1): 1}
    assert_law(snapshot)
