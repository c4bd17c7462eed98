# SPDX-License-Identifier: BSD-2-Clause
"""Frames on a real link to ``xtop snapshot``: what was sent is what is counted, whichever queue it came by."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scenarios.flow_reading import nanoseconds

from .conftest import Link, program, wait_until

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
PATIENCE_S = 40.0
FLOWS = 3000
FRAMES = 60_000


class Series:
    """A running ``xtop snapshot --every``, one snapshot a line."""

    def __init__(self, link: Link, *options: str) -> None:
        how = () if "--capture" in options else ("--capture", "af_xdp")
        command = [program("xtop"), "snapshot", "-i", link.captured, *how, "--every", "0.2", *options]
        self._start(link.command(*command))

    def _start(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._rest = b""

    @classmethod
    def of(cls, command: list[str]) -> Series:
        """What ``command``, a whole one, writes."""
        running = cls.__new__(cls)
        running._start(command)
        return running

    def __enter__(self) -> Series:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def next(self) -> dict[str, Any]:
        """The next snapshot."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self._rest:
            assert select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0], "no snapshot"
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            assert part, self.process.stderr.read() if self.process.stderr else ""
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        snapshot: dict[str, Any] = json.loads(line)
        return snapshot

    def quiet(self, received: Callable[[], int]) -> tuple[int, int]:
        """``received()`` while it stands still, and what had arrived for xtop in that same calm."""
        while True:
            before, asked = received(), time.time_ns()
            self.until(lambda snapshot, asked=asked: nanoseconds(snapshot["taken_at"]) > asked)  # type: ignore[misc]
            snapshot = self.next()
            if received() == before:
                return before, arrived(snapshot)

    def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first snapshot that satisfies ``true``."""
        deadline = time.monotonic() + PATIENCE_S
        snapshot = self.next()
        while not true(snapshot):
            assert time.monotonic() < deadline, {name: snapshot[name] for name in ("accounting", "lost", "totals")}
            snapshot = self.next()
        return snapshot


@contextlib.contextmanager
def series(link: Link, *options: str) -> Iterator[Series]:
    with Series(link, *options) as running:
        running.next()
        yield running


def arrived(snapshot: dict[str, Any]) -> int:
    total: int = snapshot["accounting"]["received"] + snapshot["lost"]["total"]
    return total


def assert_law(snapshot: dict[str, Any]) -> None:
    terms = dict(snapshot["accounting"])
    assert terms.pop("received") == sum(terms.values())
    assert terms["accounted"] == sum(flow["packets"] for flow in snapshot["flows"])


@pytest.mark.parametrize("mode", ["-N", "-S"])
@pytest.mark.parametrize("queues", [1, 4])
def test_what_was_sent_is_what_is_counted(make_link: MakeLink, mode: str, queues: int) -> None:
    link = make_link(queues, gro=mode == "-S")  # frames from XDP need NAPI at the peer
    with series(link, mode, "-c") as running:
        for cpu in sorted(os.sched_getaffinity(0))[:2]:  # on veth the sender's CPU chooses the RX queue
            link.send(FRAMES, "--flows", str(FLOWS), "--size", "64", "--cpu", str(cpu))
        sent = 2 * FRAMES if len(os.sched_getaffinity(0)) > 1 else FRAMES
        snapshot = running.until(lambda snapshot: arrived(snapshot) >= sent)
        assert arrived(snapshot) == sent
        assert_law(snapshot)
        # The same flows came over different queues: they are one flow each all the same.
        assert snapshot["totals"]["flows_live"] == len(snapshot["flows"])
        if snapshot["lost"]["total"] == 0:
            assert len(snapshot["flows"]) == FLOWS
            assert {flow["packets"] for flow in snapshot["flows"]} == {sent // FLOWS}
        assert {flow["bytes"] // flow["packets"] for flow in snapshot["flows"]} == {64 - 14}
        assert len(snapshot["queues"]) == queues


def snapshots(link: Link, *options: str) -> list[str]:
    """``xtop snapshot`` over AF_XDP, as a command."""
    command = [program("xtop"), "snapshot", "-i", link.captured, "--capture", "af_xdp"]
    return link.command(*command, *options)


def in_rates(snapshot: dict[str, Any]) -> int:
    """The packets by which the flows' rates were measured: a whole number of them."""
    packets: float = sum(flow["pps"] for flow in snapshot["flows"]) * snapshot["interval_s"]
    assert packets == pytest.approx(round(packets), abs=1e-6)
    return round(packets)


@pytest.mark.parametrize("options", [(), ("--flow-filter", "udp", "--sort", "bps")])
def test_rates_are_over_the_interval_before_each_moment(make_link: MakeLink, options: tuple[str, ...]) -> None:
    """What came just after the moment before is in the totals, and long before the interval that rates are over."""
    link = make_link(1)
    with Series.of(snapshots(link, "--every", "2", "-n", "0.1", *options)) as running:
        for sent in (200, 400):
            running.next()
            link.send(200, "--flows", "20", "--size", "64")
            snapshot = running.until(lambda snapshot, sent=sent: arrived(snapshot) >= sent)  # type: ignore[misc]
            assert arrived(snapshot) == sent
            assert in_rates(snapshot) == snapshot["totals"]["pps"] == snapshot["queues"][0]["pps"] == 0


@pytest.mark.parametrize("interval", ["1", "60"])
def test_one_snapshot_has_rates_over_its_last_interval(make_link: MakeLink, interval: str) -> None:
    """Frames come all the time: rates are of the last of them, or of most."""
    link = make_link(1)
    command = ["xtop-traffic", "-i", link.sending, "--netns-fd", str(link.netns_fd), "--frames", "1000000"]
    command = [program(command[0]), *command[1:], "--flows", "20", "--rate", "1000", "--size", "64"]
    traffic = subprocess.Popen(command, pass_fds=(link.netns_fd,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        done = subprocess.run(snapshots(link, "--duration", "4", "-n", interval), capture_output=True, timeout=60)
    finally:
        traffic.kill()
        traffic.wait()
    assert done.returncode == 0, done.stderr
    snapshot = json.loads(done.stdout)
    least, most = (0.01, 0.5) if interval == "1" else (0.5, 1)  # a quarter of them, or all but the first
    assert least < in_rates(snapshot) / snapshot["totals"]["packets"] <= most


def test_an_interval_longer_than_the_series_step_is_all_of_that(make_link: MakeLink) -> None:
    link = make_link(1)
    with Series.of(snapshots(link, "--every", "0.5", "-n", "5")) as running:
        running.next()
        link.send(200, "--flows", "20", "--size", "64")
        seen = 0
        while seen < 200:  # what came between two moments is in the rates of the second
            seen += in_rates(running.next())
        assert seen == 200


def capture_of(link: Link, running: Series) -> int:
    """The process that captures for ``running``."""
    command = ["pgrep", "-f", f"xtop-capture -i {link.captured} ", "-P", str(running.process.pid)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0])


def test_a_killed_capture_is_said_and_leaves_no_program(make_link: MakeLink) -> None:
    link = make_link(1)
    with series(link, "-N") as running:
        assert link.xdp_program()
        os.kill(capture_of(link, running), signal.SIGKILL)
        snapshot = running.until(lambda snapshot: bool(snapshot["state"] == "failed"))
        assert "killed by signal 9" in snapshot["state_text"]
        assert wait_until(lambda: not link.xdp_program())
        assert running.process.wait(PATIENCE_S) == 1
