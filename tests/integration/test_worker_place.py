# SPDX-License-Identifier: BSD-2-Clause
"""Which place a capture's threads have among other programs, by what the kernel says of them."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Link, program, wait_until
from .test_snapshot import capture_of, series

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
FIRST = (os.SCHED_FIFO, 1)  # before all ordinary programs, behind whatever else is real time
ORDINARY = (os.SCHED_OTHER, 0)
HEAVY = 3000  # bytes of a frame: with --byte-histogram it costs the worker several times what it costs its sender


def places(process: Path) -> dict[str, tuple[int, int]]:
    """Policy and real-time priority of each of its threads, by name."""
    tasks = {(task / "comm").read_text().strip(): int(task.name) for task in (process / "task").iterdir()}
    return {name: (os.sched_getscheduler(task), os.sched_getparam(task).sched_priority) for name, task in tasks.items()}


def settled(snapshot: dict[str, Any]) -> bool:
    """Nothing comes any more, and each packet that was counted is one of a flow."""
    accounted: int = snapshot["accounting"]["accounted"]
    return accounted > 0 and sum(flow["packets"] for flow in snapshot["flows"]) == accounted


@contextlib.contextmanager
def overloaded(link: Link) -> Iterator[None]:
    """Frames that take a worker longer to look at than they take to send, without end, whatever else runs."""
    command = [program("xtop-traffic"), "-i", link.sending, "--frames", "4000000000", "--size", str(HEAVY)]
    with subprocess.Popen(
        link.command(*command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as sender:
        try:
            os.setpriority(os.PRIO_PROCESS, sender.pid, -20)
            with contextlib.suppress(FileNotFoundError):
                Path("/proc", str(sender.pid), "autogroup").write_text("-20")
            yield
        finally:
            sender.kill()


def test_the_worker_alone_comes_before_other_programs(make_link: MakeLink) -> None:
    """
    A program that got the worker's CPU keeps it for up to a tick of the scheduler, whatever its nice value. Where the
    worker may not come before all, its nice value is what counts, and that of its session where there is autogroup.
    """
    link = make_link(1)
    with series(link, "-N") as running:
        process = Path("/proc", str(capture_of(link, running)))
        place = places(process)
        assert place.pop("xtop-worker") == FIRST
        assert set(place.values()) == {ORDINARY}
        workers = [task for task in (process / "task").iterdir() if (task / "comm").read_text() == "xtop-worker\n"]
        assert [os.getpriority(os.PRIO_PROCESS, int(worker.name)) for worker in workers] == [-20]
        group = process / "autogroup"
        if not group.exists():
            pytest.skip("this kernel has no autogroup (CONFIG_SCHED_AUTOGROUP): nice counts among all programs")
        assert group.read_text().split()[1:] == ["nice", "-20"]


@pytest.mark.parametrize("options", [("-N", "--busy-poll"), ("--capture", "ebpf")])
def test_who_never_rests_or_drains_no_ring_is_ordinary(make_link: MakeLink, options: tuple[str, ...]) -> None:
    link = make_link(1)
    with series(link, *options) as running:
        assert set(places(Path("/proc", str(capture_of(link, running)))).values()) == {ORDINARY}


def test_a_worker_with_more_than_it_can_do_takes_its_turn(make_link: MakeLink) -> None:
    """
    It would starve its CPU otherwise, and the operator's shell with it. It counts on as before, and where it was
    allowed to (CAP_SYS_RESOURCE, for RLIMIT_RTPRIO) it comes before the others again when it has time.
    """
    link = make_link(1, mtu=HEAVY)
    with series(link, "-N", "--byte-histogram") as running:
        process = Path("/proc", str(capture_of(link, running)))
        with overloaded(link):
            assert wait_until(lambda: places(process)["xtop-worker"] == ORDINARY, 60)
        running.until(settled)
        if resource.prlimit(int(process.name), resource.RLIMIT_RTPRIO)[0] > 0:
            assert wait_until(lambda: places(process)["xtop-worker"] == FIRST)
