# SPDX-License-Identifier: BSD-2-Clause
"""The demo's stage leaves nothing, however its processes end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xtop.live_demo import CAPTURED_SIDE, LiveDemo

from .conftest import ROOT, Drain, Link, program, wait_until

OWNER = """
import os, sys, time
from xtop.live_demo import LiveDemo
demo = LiveDemo()
print(os.fstat(demo.netns_fd).st_ino, flush=True)
sys.stdin.readline()
demo.start_traffic()
print(demo._traffic.pid, flush=True)
time.sleep(60)
"""


def holders(namespace: int) -> list[str]:
    """Processes that live in the namespace of this inode or hold it open."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.stat(entry).st_ino == namespace for entry in [process / "ns/net", *(process / "fd").iterdir()]):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture
def traffic(root: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(program('xtop-traffic')).parent}:{os.environ['PATH']}")


def test_traffic_arrives_on_each_queue(traffic: None) -> None:
    with LiveDemo() as demo:
        drain = Drain(Link("", demo.netns_fd, captured=CAPTURED_SIDE))
        try:
            demo.start_traffic(rate=100_000)
            assert wait_until(lambda: drain.received() > 10_000)
        finally:
            demo.close()
            counters = drain.stop()
    assert len(counters["queues"]) == demo.queues
    assert all(queue["received"] > 0 for queue in counters["queues"])


def test_close_leaves_nothing(root: None) -> None:
    demo = LiveDemo()
    namespace = os.fstat(demo.netns_fd).st_ino
    assert holders(namespace) == [str(os.getpid())]
    demo.close()
    demo.close()
    assert holders(namespace) == []


@pytest.mark.parametrize("victim", ["owner", "traffic"])
def test_kill_leaves_nothing(traffic: None, victim: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        namespace = int(owner.stdout.readline())
        drain_fd = os.open(f"/proc/{owner.pid}/ns/net", os.O_RDONLY)
        os.close(drain_fd)
        capture = os.open(f"/proc/{owner.pid}/fd/{_fd_of(owner.pid, namespace)}", os.O_RDONLY)
        drain = Drain(Link("", capture, captured=CAPTURED_SIDE))
        os.close(capture)
        owner.stdin.write("\n")
        owner.stdin.flush()
        traffic_pid = int(owner.stdout.readline())
        os.kill(owner.pid if victim == "owner" else traffic_pid, signal.SIGKILL)
        drain.stop()
        assert wait_until(lambda: str(traffic_pid) not in holders(namespace))
    finally:
        owner.kill()
        owner.communicate()
    assert wait_until(lambda: holders(namespace) == [])


def _fd_of(pid: int, namespace: int) -> str:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        if os.stat(entry).st_ino == namespace:
            return entry.name
    raise AssertionError("the owner holds no namespace")
