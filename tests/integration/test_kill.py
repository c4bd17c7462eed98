# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 at random moments under load: nothing of xtop stays on the link or in the kernel, and the next start works.

XTOP_KILLS says how often each capture mode is killed; `make test-kill` says 50.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Link, program, wait_until
from xtop.machine_files import MachineFiles
from xtop.running_captures import running_captures

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
KILLS = int(os.environ.get("XTOP_KILLS", "3"))
PATIENCE_S = 40.0
LONGEST_S = 1.5  # a start takes some tenths of it
MODES = {
    "native": ("--capture", "af_xdp", "-N"),
    "generic": ("--capture", "af_xdp", "-S"),
    "ebpf": ("--capture", "ebpf"),
    "clsact": ("--capture", "ebpf", "--clsact"),
    "af_packet": ("--capture", "af_packet"),
}

SEEN = {
    "native": ["XDP", "promiscuous"],
    "generic": ["XDP", "promiscuous"],
    "ebpf": ["tcx 46", "tcx 47"],
    "clsact": ["clsact"],
    "af_packet": ["promiscuous"],
}  # while it runs, on a kernel with tcx


@pytest.fixture
def loaded(make_link: MakeLink) -> Iterator[Link]:
    """A link with traffic on it, until the test is over."""
    link = make_link(queues=2, gro=True)
    command = [program("xtop-traffic"), "-i", link.sending, "--netns-fd", str(link.netns_fd)]
    command += ["--frames", str(10**12), "--flows", "1000"]
    traffic = subprocess.Popen(command, pass_fds=(link.netns_fd,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield link
    traffic.kill()
    traffic.wait()


def start(link: Link, mode: str, owned: bool) -> subprocess.Popen[bytes]:
    """xtop-capture by itself, or xtop that starts it."""
    alone = [program("xtop-capture"), "-i", link.captured, *MODES[mode]]
    with_owner = [program("xtop"), "snapshot", "-i", link.captured, *MODES[mode], "--every", "0.2", "-o", "-"]
    command = link.command(*(with_owner if owned else alone))
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def residents(link: Link) -> list[str]:
    """Command names of what runs in the namespace; who is gone, or about to be, is none."""
    pids = subprocess.run(["ip", "netns", "pids", link.namespace], capture_output=True, text=True, check=True).stdout
    names = []
    for pid in pids.split():
        with contextlib.suppress(OSError):
            if int(pid) != os.getpid():
                names.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return [name for name in names if name != "xtop-traffic"]


TCX_INGRESS, TCX_EGRESS = 46, 47  # linux/bpf.h


def tcx_programs(link: Link, hook: int) -> int:
    """How many programs the kernel has on a tcx hook; 0 on a kernel without tcx."""
    bpf = ctypes.CDLL(ctypes.util.find_library("bpf"))
    flags, count = ctypes.c_uint32(), ctypes.c_uint32()
    with link.inside():
        index = socket.if_nametoindex(link.captured)
        answer = bpf.bpf_prog_query(index, hook, 0, ctypes.byref(flags), None, ctypes.byref(count))
    return count.value if answer == 0 else 0


def attached(link: Link) -> list[str]:
    """What the kernel shows on the captured end."""
    found = [f"tcx {hook}" for hook in (TCX_INGRESS, TCX_EGRESS) if tcx_programs(link, hook)]
    found += ["XDP"] if link.xdp_program() else []
    qdisc = subprocess.run(link.command("tc", "qdisc", "show", "dev", link.captured), capture_output=True, text=True)
    found += ["clsact"] if "clsact" in qdisc.stdout else []
    with link.route() as route:
        state = next(iter(route.get_links(ifname=link.captured)))
    return found + (["promiscuous"] if state.get("IFLA_PROMISCUITY") else [])


def left_behind(link: Link) -> str:
    """Everything of xtop's that is still there, in words; empty where all is as if it had never run."""
    found = residents(link) + attached(link)
    with link.inside():
        found += [f"socket of {capture}" for capture in running_captures(MachineFiles())]
    return "; ".join(found)


def pinned_and_mounted() -> set[str]:
    """BPF file systems, and what is pinned in the usual one."""
    mounted = {line for line in Path("/proc/mounts").read_text().splitlines() if " bpf " in line}
    return mounted | {str(path) for path in Path("/sys/fs/bpf").rglob("*")}


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left(loaded: Link, mode: str) -> None:
    if mode == "ebpf" and tuple(map(int, os.uname().release.split(".")[:2])) < (6, 6):
        pytest.skip("Linux 6.6 brought tcx; before that ebpf is what the case clsact tries")
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")  # of the moments; pytest shows it where the test fails
    moments = random.Random(seed)
    before = pinned_and_mounted()
    for number in range(KILLS):
        process = start(loaded, mode, owned=number % 2 == 1 and mode != "clsact")
        time.sleep(moments.uniform(0, LONGEST_S))  # the moment is what is drawn here, nothing is awaited
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert wait_until(lambda: not left_behind(loaded), PATIENCE_S), left_behind(loaded)
    assert pinned_and_mounted() <= before
    counted(loaded, mode)
    assert wait_until(lambda: not left_behind(loaded), PATIENCE_S), left_behind(loaded)


def counted(link: Link, mode: str) -> None:
    """One more start, which sees the traffic and ends in order."""
    command = link.command(program("xtop-capture"), "-i", link.captured, *MODES[mode])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    threads = Path(f"/proc/{process.pid}/task")
    assert wait_until(
        lambda: any("xtop-worker" in (task / "comm").read_text() for task in threads.iterdir()), PATIENCE_S
    )
    time.sleep(0.5)  # traffic for it to count; there is no end to it
    assert attached(link) == SEEN[mode], "were nothing seen here, the rest would prove nothing"
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    assert json.loads(out)["received"] > 0
