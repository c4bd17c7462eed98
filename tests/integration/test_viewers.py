# SPDX-License-Identifier: BSD-2-Clause
"""Viewers of a running capture: they see what its owner sees, and nothing that they do or suffer disturbs it."""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from tests.integration.conftest import Link, program, wait_until
from tests.integration.test_sandbox import BESIDES, EVERY, datagrams, make_traced, seen
from tests.integration.test_snapshot import Series, arrived
from xtop.capture_viewer import CaptureViewer
from xtop.machine_files import MachineFiles
from xtop.model import CaptureState, View
from xtop.running_captures import RunningCapture, running_captures
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource
from xtop.source import SourceError

pytestmark = pytest.mark.alone

__all__ = ["make_traced"]  # a fixture

MakeLink = Callable[..., Link]
PATIENCE_S = 40.0
TRACE_SECONDS = float(os.environ.get("XTOP_TRACE_SECONDS", "0"))  # `make test-trace` says 60
NOBODY = 65534
SETTINGS = CaptureSettings(demo=True, max_flows=4096, demo_rate=5000)


@pytest.fixture
def owner() -> Iterator[ShmSource]:
    with closing(ShmSource.start(SETTINGS)) as source:
        yield source


def captured_by(source: ShmSource) -> RunningCapture:
    """As it is listed for everybody."""
    pid = source.capture_id().pid
    return next(capture for capture in running_captures(MachineFiles()) if capture.pid == pid)


def view(capture: RunningCapture) -> ShmSource:
    return ShmSource(CaptureViewer.attach(capture), CaptureSettings())


def in_child(act: Callable[[], str], user: int | None = None) -> str:
    """What ``act`` returns in a process of its own, as ``user``."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if user is not None:
                os.setgroups([])
                os.setresuid(user, user, user)
            said = act()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        said = pipe.read() if select.select([pipe], [], [], PATIENCE_S)[0] else "no answer"
    os.waitpid(child, 0)
    return said


def test_a_viewer_sees_what_the_owner_sees_and_leaves_it_running(owner: ShmSource) -> None:
    with closing(view(captured_by(owner))) as viewer:
        seen(viewer, 1000)
        viewer.stop()
    before = owner.snapshot(View()).totals.packets
    seen(owner, before + 1000)
    with closing(view(captured_by(owner))) as viewer:
        owner.stop()
        assert wait_until(lambda: viewer.state() is CaptureState.DONE, PATIENCE_S)
        theirs, ours = viewer.snapshot(View()), owner.snapshot(View())
    assert theirs.accounting == ours.accounting
    assert {flow.key: flow.packets for flow in theirs.flows} == {flow.key: flow.packets for flow in ours.flows}


def test_a_viewer_cannot_write(owner: ShmSource) -> None:
    with closing(CaptureViewer.attach(captured_by(owner))) as viewer:
        size = os.fstat(viewer.memfd).st_size
        with pytest.raises(PermissionError):
            mmap.mmap(viewer.memfd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        for act in (
            lambda: os.pwrite(viewer.memfd, b"x", 0),
            lambda: os.ftruncate(viewer.memfd, 4096),
            lambda: os.ftruncate(viewer.memfd, size + 4096),
        ):
            with pytest.raises(PermissionError):
                act()
        # Opened anew by its name in /proc it is the same file, under the same seals.
        again = os.open(f"/proc/self/fd/{viewer.memfd}", os.O_RDWR)
        with pytest.raises(PermissionError):
            mmap.mmap(again, size, mmap.MAP_SHARED, mmap.PROT_WRITE)
        os.close(again)
        with closing(mmap.mmap(viewer.memfd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)) as mapped:
            assert mapped[:8] == b"XTOPFL01"


@pytest.mark.usefixtures("root")
def test_another_user_is_refused(owner: ShmSource) -> None:
    capture = captured_by(owner)

    def attach() -> str:
        try:
            CaptureViewer.attach(capture)
        except SourceError as refusal:
            return f"{refusal.exit_code} {refusal}"
        return "let in"

    assert in_child(attach, NOBODY) == "3 this capture belongs to another user (run as that user, or as root)"
    assert in_child(attach) == "let in"


def come_and_be_killed(capture: RunningCapture, meanwhile: Callable[[], None]) -> None:
    """Attach in a process of its own, and kill it in the middle of a look."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            viewer = view(capture)
            os.write(writing, b"attached")
            while True:
                viewer.snapshot(View())
        os._exit(1)
    os.close(writing)
    assert os.read(reading, 8) == b"attached"
    os.close(reading)
    meanwhile()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("captures", [("ebpf",), ("af_xdp",), ("af_packet",), ("af_xdp", "ebpf")])
def test_viewers_that_come_go_and_are_killed(
    make_link: MakeLink,
    make_traced: Callable,  # type: ignore[type-arg]
    captures: tuple[str, ...],
) -> None:
    """For XTOP_TRACE_SECONDS, under strace: no call outside the list is made, and none of the frames is missed."""
    link = make_link()
    ends = (link.captured, link.sending)  # of what the second one counts, nothing is redirected
    links = tuple(LinkSettings(end, capture=capture) for end, capture in zip(ends, captures, strict=False))
    traced = make_traced(CaptureSettings(links=links, netns_fd=link.netns_fd, max_flows=65536))
    capture = captured_by(traced.source)
    assert capture.name == "demo"  # its link lies in another namespace
    sent = 0
    end = time.monotonic() + TRACE_SECONDS
    while sent < 250 or time.monotonic() < end:
        come_and_be_killed(capture, lambda: datagrams(link, 50))
        sent += 50
        with closing(view(capture)) as viewer:
            viewer.snapshot(View())
    expected = sent * len(captures)
    (udp,) = [one for one in seen(traced.source, expected).protocols if one.protocol == "UDP"]
    assert udp.packets == expected
    traced.source.close()
    assert traced.calls() <= EVERY.union(*(BESIDES[name] for name in captures))


def test_the_capture_is_killed_under_its_viewer(owner: ShmSource) -> None:
    capture = captured_by(owner)
    with closing(view(capture)) as viewer:
        os.kill(capture.pid, signal.SIGKILL)
        assert wait_until(lambda: viewer.state() is CaptureState.FAILED, PATIENCE_S)
        assert (
            viewer.snapshot(View()).state_text == f"capture ended: the capture of demo (process {capture.pid}) is gone"
        )
    with pytest.raises(SourceError, match="cannot attach to the capture of demo"):
        view(capture)
    assert capture not in running_captures(MachineFiles())


def one_line(link: Link, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        link.command(program("xtop"), *command),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr.count("\n") <= 1
    return done.returncode, done.stderr + done.stdout


def test_the_second_on_a_link_is_told_how_to_see_the_first(make_link: MakeLink) -> None:
    link = make_link()
    with Series(link, "--capture", "af_xdp") as running:
        first = running.next()
        with link.inside():
            (capture,) = running_captures(MachineFiles())
        assert capture.name == link.captured
        code, said = one_line(link, "snapshot", "-i", link.captured, "--capture", "af_xdp")
        assert code == 2
        expected = f"another xtop captures v1 (process {capture.pid}; to see what it sees: xtop attach {capture.pid})\n"
        assert said == f"xtop: error: {expected}"
        code, said = one_line(link, "snapshot", "-i", link.captured)  # auto goes on to what has room for two
        assert code == 0
        source = json.loads(said)["source"]
        assert source["capture"] == "ebpf"
        assert (
            f"process {capture.pid} captures v1, too: xtop attach {capture.pid} shows what it sees" in source["notes"]
        )
        datagrams(link, 30)
        running.until(lambda snapshot: arrived(snapshot) >= arrived(first) + 30)
