# SPDX-License-Identifier: BSD-2-Clause
"""The lives of flows on a real link: they end in time where nothing comes any more, an active timeout cuts without
losing a packet, and a wall clock that jumps ends nothing."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from tests.scenarios.flow_reading import nanoseconds

from .conftest import BUILDS, Link, program
from .test_af_packet import send_frames
from .test_snapshot import PATIENCE_S, Series, arrived, assert_law, series

MakeLink = Callable[..., Link]
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
WAYS = {
    "af_xdp": ("--capture", "af_xdp"),
    "ebpf": ("--capture", "ebpf"),
    "af_packet": ("--capture", "af_packet"),
}
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
A, B = "10.0.0.1", "10.0.0.2"


def udp(port: int) -> bytes:
    return bytes(ETHER / IP(src=A, dst=B) / UDP(sport=port, dport=9) / b"payload")


def tcp(port: int, flags: str, back: bool = False) -> bytes:
    ends = IP(src=B, dst=A) / TCP(sport=80, dport=port) if back else IP(src=A, dst=B) / TCP(sport=port, dport=80)
    ends[TCP].flags = flags
    return bytes(ETHER / ends)


def by_port(snapshot: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """The lives of each flow in order of time."""
    lives: dict[int, list[dict[str, Any]]] = {}
    for flow in sorted(snapshot["flows"], key=lambda flow: str(flow["first_seen"])):
        lives.setdefault(min(flow["source_port"], 0x10000) if flow["source"] == A else 0, []).append(flow)
    return lives


@pytest.mark.parametrize("way", ["af_xdp", "ebpf"])
def test_flows_end_by_themselves_when_nothing_comes_any_more(make_link: MakeLink, way: str) -> None:
    """Idle, active, FIN both ways and RST: each reason by the clock alone, and none before its time."""
    link = make_link()
    limits = ("--idle-timeout", "4", "--active-timeout", "6")
    with series(link, *WAYS[way], *limits, "--ended") as running:
        send_frames(link, [udp(1), udp(2)])
        send_frames(link, [tcp(3, "S"), tcp(3, "SA", True), tcp(3, "FA"), tcp(3, "FA", True), tcp(4, "S"), tcp(4, "R")])
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= 8)
        first = nanoseconds(by_port(snapshot)[2][0]["first_seen"])
        while time.time_ns() < first + 4.5 * SECOND:  # flow 2 stays busy until shortly before its active timeout
            send_frames(link, [udp(2)])
            time.sleep(0.25)
        snapshot = running.until(lambda snapshot: snapshot["totals"]["flows_live"] == 0)
    lives = by_port(snapshot)
    reasons = {port: [flow["end_reason"] for flow in flows] for port, flows in lives.items()}
    assert reasons == {1: ["idle"], 2: ["active"], 3: ["tcp"], 4: ["tcp"]}
    assert nanoseconds(snapshot["taken_at"]) >= nanoseconds(lives[2][0]["first_seen"]) + 6 * SECOND
    assert_law(snapshot)


@pytest.mark.parametrize("way", ["af_xdp", "ebpf"])
def test_an_idle_timeout_is_honoured_to_within_a_second(make_link: MakeLink, way: str) -> None:
    """Each flow is one packet, and nothing else comes: none ends early; the hand needs no traffic to be in time.

    A flow ended no earlier than the last snapshot that shows it alive. A machine that stands still makes some of them
    late, whoever is at fault: a quarter must do for the proof.
    """
    link = make_link()
    alive = dict.fromkeys(range(1, 13), 0)  # by port: how long after its packet a snapshot had it alive
    over: dict[int, int] = {}  # and how long after it the first had it ended
    deadline = time.monotonic() + 60
    with series(link, *WAYS[way], "--idle-timeout", "2", "--ended") as running:
        for port in range(1, 13):
            send_frames(link, [udp(port)])
            time.sleep(0.2)
        while len(over) < 12:
            assert time.monotonic() < deadline, alive
            snapshot = running.next()
            taken = nanoseconds(snapshot["taken_at"])
            for flow in snapshot["flows"]:
                seen = nanoseconds(flow["last_seen"])
                if flow["end_reason"] is None:
                    alive[flow["source_port"]] = taken - seen
                else:
                    assert flow["end_reason"] == "idle"
                    over.setdefault(flow["source_port"], taken - seen)
    assert min(over.values()) >= 2 * SECOND
    assert sorted(alive.values())[3] <= 3 * SECOND, alive
    assert_law(snapshot)


@pytest.mark.parametrize("way", WAYS)
def test_an_active_timeout_cuts_and_loses_nothing(make_link: MakeLink, way: str) -> None:
    """A flow that never rests, cut every half second: the pieces are apart in time and add up to what was sent."""
    link = make_link()
    frame = udp(7)
    sent = 0
    with series(link, *WAYS[way], "--active-timeout", "0.5", "--ended") as running:
        with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((link.sending, 0))
            until = time.monotonic() + 3
            while time.monotonic() < until:
                for _ in range(20):
                    sent += sender.send(frame) > 0
                time.sleep(0.001)
        running.until(lambda snapshot: arrived(snapshot) >= sent)
        snapshot = running.until(lambda snapshot: snapshot["totals"]["flows_live"] == 0)
    assert (arrived(snapshot), snapshot["lost"]["total"]) == (sent, 0)
    assert_law(snapshot)
    pieces = by_port(snapshot)[7]
    assert sum(piece["packets"] for piece in pieces) == sent
    assert sum(piece["bytes"] for piece in pieces) == sent * (len(frame) - 14)
    assert {piece["end_reason"] for piece in pieces} == {"active"}
    assert len(pieces) > 1
    lengths = sorted(nanoseconds(piece["last_seen"]) - nanoseconds(piece["first_seen"]) for piece in pieces)
    assert lengths[len(lengths) // 4] <= 1.5 * SECOND, lengths  # a machine that stands still makes some longer
    for earlier, later in zip(pieces, pieces[1:], strict=False):
        assert nanoseconds(earlier["last_seen"]) <= nanoseconds(later["first_seen"])


def jumping_clock() -> str:
    for build in BUILDS:
        library = build / "tests" / "native" / "libjumping_clock.so"
        if library.exists():
            return str(library)
    pytest.skip("libjumping_clock.so is not built (run: make test)")


@pytest.mark.parametrize("way", WAYS)
def test_a_wall_clock_that_jumps_ends_nothing(make_link: MakeLink, tmp_path: Path, way: str) -> None:
    """An hour on and two back, far beyond both timeouts: one flow, no packet missing, times that go on as before."""
    link = make_link()
    offset = tmp_path / "offset"
    offset.write_bytes(bytes(8))
    command = [program("xtop"), "snapshot", "-i", link.captured, *WAYS[way], "--every", "0.2", "--ended"]
    clock = ("env", f"LD_PRELOAD={jumping_clock()}", f"JUMPING_CLOCK={offset}")
    with Series.of(link.command(*clock, *command)) as running:
        running.next()
        send_frames(link, [udp(1)] * 5)
        running.until(lambda snapshot: arrived(snapshot) >= 5)
        seen = []
        for number, jump in enumerate((HOUR, -HOUR), 2):
            with offset.open("r+b") as moved:
                moved.write(struct.pack("=q", jump))
            send_frames(link, [udp(1)] * 5)
            running.until(lambda snapshot, sent=5 * number: arrived(snapshot) >= sent)
            for _ in range(5):  # the clock hand comes round in 0.8 s
                snapshot = running.next()
            seen.append(nanoseconds(snapshot["taken_at"]))
    assert seen[0] - seen[1] > HOUR, "the clock did not jump: the test proves nothing"
    (flow,) = snapshot["flows"]
    assert (flow["packets"], flow["end_reason"], snapshot["totals"]["flows_ended"]) == (15, None, 0)
    assert 0 < nanoseconds(flow["last_seen"]) - nanoseconds(flow["first_seen"]) < (PATIENCE_S + 60) * SECOND
    assert_law(snapshot)


@pytest.mark.parametrize("descriptors", range(5, 13))
def test_a_capture_with_few_descriptors_ends(descriptors: int) -> None:
    """It counts all, or says what it had no descriptor for; it never waits for what cannot come."""
    limit = ["prlimit", f"--nofile={descriptors}"]
    capture = [program("xtop-capture"), "--demo", "--demo-packets", "1000", "--demo-rate", "0"]
    done = subprocess.run([*limit, *capture], capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode == 0:
        assert json.loads(done.stdout)["received"] == 1000
    else:
        assert done.returncode in (1, 127), done.stderr  # 127: its libraries could not be opened
        assert "Too many open files" in done.stderr or done.returncode == 127


@pytest.mark.parametrize("way", WAYS)
def test_few_descriptors_are_no_want_of_an_interface(make_link: MakeLink, way: str) -> None:
    link = make_link()
    for descriptors in range(4, 8):
        limit = ["prlimit", f"--nofile={descriptors}"]
        capture = link.command(*limit, program("xtop-capture"), "-i", link.captured, *WAYS[way])
        done = subprocess.run(capture, capture_output=True, text=True, timeout=PATIENCE_S)
        assert "Too many open files" in done.stderr


def test_a_limit_of_files_is_told() -> None:
    """Shared memory counts as a file, and to pass the limit is a signal that kills."""
    capture = ["prlimit", "--fsize=100000", program("xtop-capture"), "--demo", "--demo-packets", "1000"]
    done = subprocess.run(capture, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert "of shared memory (File too large; raise ulimit -f)" in done.stderr
