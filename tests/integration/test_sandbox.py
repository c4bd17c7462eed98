# SPDX-License-Identifier: BSD-2-Clause
"""What xtop-capture may still do once it runs: /proc says what it has given up, strace what it does."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.conftest import Link, program, wait_until
from tests.scenarios.capture_file import every, write_pcap
from xtop import capture_process, shm_source
from xtop.flow_packets import Bounds
from xtop.model import CaptureState, Snapshot, View
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource

MakeLink = Callable[..., Link]
PATIENCE_S = 40.0
PCAP = Path(__file__).parents[1] / "scenarios" / "pcaps"
NET_ADMIN = 1 << 12

# By hand, from what capture/ does: not taken from capture/sandbox_calls.c.
EVERY = set(
    re.findall(
        r"\w+",
        "poll ppoll read write close sendmsg recvmsg sendto recvfrom accept accept4 getsockopt futex madvise"
        " munmap mmap mprotect brk mremap getrandom clock_gettime gettimeofday rt_sigprocmask rt_sigreturn"
        " restart_syscall sched_yield sched_setscheduler clock_nanosleep nanosleep exit exit_group fstat newfstatat"
        " getpid gettid tgkill",
    )
)
BESIDES = {
    "af_xdp": {"bpf", "ioctl"},
    "ebpf": {"bpf", "sysinfo"},
    "af_packet": {"getsockname", "ioctl", "setsockopt"},
    "file": {"lseek"},
}
JANITOR = set(
    re.findall(
        r"\w+",
        "read write close socket bind getsockname setsockopt sendto recvfrom recvmsg brk mmap munmap mremap getrandom"
        " exit_group",
    )
)


@dataclass
class Traced:
    """A running capture under strace."""

    source: ShmSource
    log: Path

    def janitor(self) -> int | None:
        """Process number of the one beside it, where there is one."""
        pid = self.source.capture_id().pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def status(self, pid: int | None = None) -> dict[str, int]:
        """What /proc says of its rights (or of those of ``pid``), of every thread the same."""
        each = []
        for task in Path(f"/proc/{pid or self.source.capture_id().pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
                each.append(dict(re.findall(r"^(\w+):\s*([0-9a-f]+)$", (task / "status").read_text(), re.M)))
        wanted = ("CapEff", "CapPrm", "CapInh", "CapBnd", "NoNewPrivs", "Seccomp")
        first, *others = [{name: int(status[name], 16) for name in wanted} for status in each]
        assert all(other == first for other in others)
        return first

    def calls(self, janitor: int | None = None) -> set[str]:
        """System calls since the sandbox was shut, but for those of ``janitor``; none was refused."""
        text = self.log.read_text(errors="replace")
        text = "".join(line for line in text.splitlines(True) if not line.startswith(f"{janitor} "))
        _, shut, after = text.partition("seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC")
        after = after[after.index("{len=") :] if "{len=" in after else after
        assert shut, "no seccomp filter was set"
        assert "SIGSYS" not in after, re.findall(r".*\n.*\n.*SIGSYS.*", after)
        return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?=\(| resumed>)", after, re.M))

    def janitor_calls(self, janitor: int) -> set[str]:
        """System calls of ``janitor`` since its own sandbox was shut; none was refused."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith(f"{janitor} ")]
        shut = next(index for index, line in enumerate(lines) if "seccomp(SECCOMP_SET_MODE_FILTER, 0" in line)
        assert not [line for line in lines[shut:] if "EPERM" in line]
        return set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?=\(| resumed>)", "\n".join(lines[shut + 1 :]), re.M))


@pytest.fixture
def make_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[CaptureSettings, str], Traced]]:
    if shutil.which("strace") is None:
        pytest.skip("strace is missing (run: sudo apt-get install strace)")
    made: list[Traced] = []

    def make(settings: CaptureSettings, options: str = "") -> Traced:
        log = tmp_path / "calls"
        script = tmp_path / "traced"
        script.write_text(f'#!/bin/sh\nexec strace -f -qq -o {log} {program("xtop-capture")} {options} "$@"\n')
        script.chmod(0o755)
        monkeypatch.setattr(capture_process, "find_program", lambda name: str(script))
        made.append(Traced(ShmSource.start(settings), log))
        return made[-1]

    yield make
    for traced in made:
        traced.source.close()


def frame(port: int) -> bytes:
    """UDP from ``port`` of 10.0.0.1."""
    head = bytes.fromhex("020000000002 020000000001 0800 45000026 00000000 40110000 0a000001 0a000002")
    return head + port.to_bytes(2, "big") + bytes.fromhex("0035 0012 0000") + b"0123456789"


def datagrams(link: Link, count: int) -> None:
    """So many flows of a packet each."""
    with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((link.sending, 0))
        for port in range(1, count + 1):
            sender.send(frame(port))


def seen(source: ShmSource, count: int) -> Snapshot:
    found: list[Snapshot] = []

    def enough() -> bool:
        found[:] = [source.snapshot(View())]
        return found[0].totals.packets >= count

    assert wait_until(enough, PATIENCE_S), found[0].totals
    return found[0]


def assert_confined(traced: Traced, janitor: int) -> None:
    """It has the right to remove filters and no other, and nothing of the capture's: two pipes, and the lock."""
    status = traced.status(janitor)
    assert (status["CapEff"], status["CapPrm"], status["CapInh"], status["CapBnd"]) == (NET_ADMIN, NET_ADMIN, 0, 0)
    assert (status["NoNewPrivs"], status["Seccomp"]) == (1, 2)
    opened = sorted(os.readlink(fd).partition(":")[0] for fd in Path(f"/proc/{janitor}/fd").iterdir())
    assert opened == ["pipe", "pipe", "socket"]
    assert not re.findall(r".*(?:memfd|bpf-map).*", Path(f"/proc/{janitor}/maps").read_text())


@pytest.mark.parametrize(
    ("capture", "options"), [("af_xdp", ""), ("ebpf", ""), ("ebpf", "--clsact"), ("af_packet", "")]
)
def test_a_live_capture(make_link: MakeLink, make_traced: Callable[..., Traced], capture: str, options: str) -> None:
    """It counts, copies packets, stops: with no right and no call but those it needs, and the table comes first."""
    link = make_link()
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture=capture),), netns_fd=link.netns_fd, max_flows=65536
    )
    traced = make_traced(settings, options)
    status = traced.status()
    assert (status["CapEff"], status["CapPrm"], status["CapInh"], status["CapBnd"]) == (0, 0, 0, 0)
    assert (status["NoNewPrivs"], status["Seccomp"]) == (1, 2)
    janitor = traced.janitor()
    assert (janitor is not None) == bool(options), "one that holds clsact filters, and no other process"
    if janitor:
        assert_confined(traced, janitor)
    datagrams(link, 300)
    flow = seen(traced.source, 300).flows[0]
    with traced.source.tap(flow.key, Bounds()) as tap:
        tap.settimeout(PATIENCE_S)
        assert tap.recv(65536), "the first message of a tap"
        datagrams(link, 300)
        seen(traced.source, 600)
    traced.source.stop()
    assert traced.source.state() is CaptureState.DONE
    traced.source.close()
    assert traced.calls(janitor) <= EVERY | BESIDES[capture]
    if janitor:
        assert traced.janitor_calls(janitor) <= JANITOR
    begin = traced.log.read_text(errors="replace").partition('"ready"')[0]
    takes_hold = "RTM_NEWTFILTER" if options else "sa_family=AF_PACKET" if capture == "af_packet" else "BPF_LINK_CREATE"
    before, _, after = begin.partition(takes_hold)
    assert "MADV_POPULATE_WRITE" in before, "memory for flows is there before the first frame can come"
    assert "MADV_" not in after.replace("MADV_DONTNEED", "").replace("MADV_HUGEPAGE", "")
    assert (capture == "af_xdp") == ("BPF_MAP_UPDATE_ELEM" in after), "sockets are in their map when it says ready"


@pytest.mark.parametrize("capture", ["af_xdp", "ebpf", "af_packet"])
def test_a_link_that_goes(make_link: MakeLink, make_traced: Callable[..., Traced], capture: str) -> None:
    """The rarest way through a source is the one that a list forgets."""
    link = make_link()
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture=capture),), netns_fd=link.netns_fd, max_flows=65536
    )
    traced = make_traced(settings)
    datagrams(link, 10)
    seen(traced.source, 10)
    with link.route() as route:
        route.link("del", index=route.link_lookup(ifname=link.captured)[0])
    assert wait_until(lambda: traced.source.state() is CaptureState.FAILED, PATIENCE_S)
    assert "is gone (removed while capturing" in traced.source.snapshot(View()).state_text
    traced.source.close()
    assert traced.calls() <= EVERY | BESIDES.get(capture, set())


@pytest.mark.parametrize("realtime", [False, True])
def test_a_file(make_traced: Callable[..., Traced], realtime: bool) -> None:
    file = min(PCAP.glob("*.pcap"), key=lambda path: path.stat().st_size)
    traced = make_traced(CaptureSettings(file=str(file), realtime=realtime, lossless_ended=True))
    status = traced.status()
    assert (status["CapEff"], status["CapPrm"], status["NoNewPrivs"], status["Seccomp"]) == (0, 0, 1, 2)
    if not realtime:
        assert wait_until(lambda: traced.source.state() is CaptureState.DONE, PATIENCE_S)
    traced.source.close()
    assert traced.calls() <= EVERY | BESIDES["file"]


def test_a_file_whose_ended_flows_nobody_takes(
    make_traced: Callable[..., Traced], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than the ring holds: the capture sleeps until its reader comes."""
    monkeypatch.setattr(shm_source, "COLLECT_EVERY_S", 3600)
    flows = [frame(port) + number.to_bytes(4, "big") for number in range(2) for port in range(1, 50_001)]
    file = write_pcap(tmp_path / "many.pcap", every(1000, flows))
    traced = make_traced(CaptureSettings(file=str(file), lossless_ended=True, max_flows=16))
    assert wait_until(lambda: "nanosleep" in traced.log.read_text(errors="replace"), PATIENCE_S)
    assert traced.source.state() is CaptureState.RUNNING
    assert wait_until(lambda: traced.source.snapshot(View(top=1)).state is CaptureState.DONE, PATIENCE_S)
    assert traced.source.snapshot(View(top=1)).totals.flows_ended >= 100_000 - 16
    traced.source.close()
    assert traced.calls() <= EVERY | BESIDES["file"]


def test_the_demo(make_traced: Callable[..., Traced]) -> None:
    traced = make_traced(CaptureSettings(demo=True))
    assert (traced.status()["CapEff"], traced.status()["Seccomp"]) == (0, 2)
    seen(traced.source, 1000)
    traced.source.close()
    assert traced.calls() <= EVERY


def test_a_breach_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture that says so and ends is heard; what it says, tests/native/test_sandbox.c sees."""
    script = tmp_path / "breaking"
    words = "failed 1 0 xtop-capture was ended by its sandbox (system call 257 is not on its list)"
    script.write_text(
        f"#!{sys.executable}\nimport os, socket, sys\n"
        "control = socket.socket(fileno=int(sys.argv[sys.argv.index('--control-fd') + 1]))\n"
        f"control.send({words.encode()!r})\nos._exit(1)\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(capture_process, "find_program", lambda name: str(script))
    with pytest.raises(capture_process.SourceError, match="ended by its sandbox") as refusal:
        ShmSource.start(CaptureSettings(demo=True))
    assert refusal.value.exit_code == 1
