# SPDX-License-Identifier: BSD-2-Clause
"""What a capture holds, as the kernel counts it for its process (/proc/PID/status)."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.conftest import Drain, Link, program, wait_until
from tests.scenarios.capture_file import START, Frame, write_pcap
from xtop.model import CaptureState
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource

pytestmark = pytest.mark.alone

PATIENCE_S = 60
MB, MIB = 1_000_000, 1 << 20
FRAME_ROOM = 2048  # bytes of the UMEM for a frame, where the MTU is 1500
BYTES_A_FLOW, INDEX_A_FLOW = 272, 16  # what README and ARCHITECTURE promise; the index is of what --max-flows allows
MANY, FEW = 60_000, 10_000
OTHERS = 6 * MB  # that a process holds, whatever it captures


def status(pid: int, kind: str) -> int:
    """Bytes of memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{kind}:"))) * 1024


def held(source: ShmSource, kind: str) -> int:
    """Bytes of memory of the capture's process: RssAnon is its own, RssShmem the segment's."""
    return status(source.capture_id().pid, kind)


@pytest.mark.parametrize("ring", [1024, 16384])
def test_umem_is_at_most_twice_what_the_rings_hold(ring: int, make_link: Callable[..., Link]) -> None:
    link = make_link()
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture="af_xdp"),), netns_fd=link.netns_fd, ring=ring, max_flows=4096
    )
    with closing(ShmSource.start(settings)) as source:
        assert ring * FRAME_ROOM <= held(source, "RssAnon") <= 2 * ring * FRAME_ROOM + OTHERS


def where(mounts: str, directory: Path) -> tuple[str, ...]:
    """Begin the command line of a program over what ``mounts`` puts out of ``directory``, $0, for it alone."""
    return ("unshare", "--mount", "sh", "-ec", f'{mounts}; exec "$@"', str(directory))


def with_available(mebibytes: int, directory: Path) -> tuple[str, ...]:
    """Begin the command line of a program to which the kernel says that so much memory is available."""
    told = re.sub(r"MemAvailable: .*", f"MemAvailable: {mebibytes * 1024} kB", Path("/proc/meminfo").read_text())
    directory.joinpath("meminfo").write_text(told)
    return where('mount --bind "$0/meminfo" /proc/meminfo', directory)


GROUPS = {  # where the limit is, what /proc/self/cgroup says, and what files there say
    "v2": (
        "system.slice",
        "0::/system.slice/xtop.service\n",
        {"memory.max": 600 * MIB, "memory.current": 188 * MIB, "memory.stat": f"anon 1\ninactive_file {100 * MIB}\n"},
    ),
    "v2 in a container": ("", "0::/../../host/path\n", {"memory.max": 512 * MIB, "memory.current": 0}),
    "v1": (
        "memory/docker/1234",
        "9:name=systemd:/\n4:memory:/docker/1234\n0::/\n",
        {
            "memory.limit_in_bytes": 600 * MIB,
            "memory.usage_in_bytes": 188 * MIB,
            "memory.stat": f"inactive_file 7\ntotal_inactive_file {100 * MIB}\n",
        },
    ),
}


def with_limit(group: str, own: str, files: dict[str, int | str], directory: Path) -> tuple[str, ...]:
    """Begin the command line of a program whose control group has a limit (its memory.max, or a group's above)."""
    directory.joinpath("own").write_text(own)
    below = directory / "cgroup" / group / "xtop.service"
    below.mkdir(parents=True)
    below.joinpath("memory.max").write_text("max\n")
    for name, content in files.items():
        below.parent.joinpath(name).write_text(f"{content}\n")
    return where('mount --bind "$0/own" /proc/$$/cgroup; mount --bind "$0/cgroup" /sys/fs/cgroup', directory)


@pytest.mark.parametrize("group", GROUPS)
def test_a_control_groups_limit_is_memory_that_is_not_there(
    group: str, make_link: Callable[..., Link], make_drain: Callable[..., Drain], tmp_path: Path
) -> None:
    """512 MiB are left, as below, in one of the two groups; the machine has more."""
    drain = make_drain(make_link(queues=4), prefix=with_limit(*GROUPS[group], tmp_path))
    assert drain.ready is not None
    assert drain.ready["ring_size"] == 4096


@pytest.mark.parametrize(
    ("mebibytes", "options", "ring"),
    [
        (8192, (), 16384),  # an eighth is 1 GiB, and all four queues' frames are 128 MiB
        (512, (), 4096),  # 16 MiB for each: 8,192 frames, but a ring has 64 more than descriptors
        (16, (), 2048),  # no fewer
        (512, ("--ring", "16384"), 16384),  # but for who asks
    ],
)
def test_rings_leave_memory_to_others(
    mebibytes: int,
    options: tuple[str, ...],
    ring: int,
    make_link: Callable[..., Link],
    make_drain: Callable[..., Drain],
    tmp_path: Path,
) -> None:
    drain = make_drain(make_link(queues=4), *options, prefix=with_available(mebibytes, tmp_path))
    assert drain.ready is not None
    assert drain.ready["ring_size"] == ring
    assert (f"rings of {ring} instead of 16384" in drain.ready["notes"]) == (ring < 16384)
    assert ("an eighth of the memory" in drain.ready["notes"]) == (ring < 16384)


def test_flows_that_have_not_come_leave_memory_to_others(make_link: Callable[..., Link], tmp_path: Path) -> None:
    """Their slots are made present before the program is attached, in whole huge pages."""
    link, most = make_link(), 1 << 20
    options = ["-i", link.captured, "--netns-fd", str(link.netns_fd), "--max-flows", str(most)]
    command = [*with_available(512, tmp_path), program("xtop-capture"), *options]
    with subprocess.Popen(command, pass_fds=(link.netns_fd,)) as capture:
        try:
            assert wait_until(lambda: link.xdp_program() != 0, PATIENCE_S)
            stock = 512 * MIB // 8
            assert 0.9 * stock <= status(capture.pid, "RssShmem") <= stock + INDEX_A_FLOW * most + OTHERS
        finally:
            capture.terminate()


def test_a_mode_that_is_refused_takes_the_frames_of_one_queue(
    make_link: Callable[..., Link], make_drain: Callable[..., Drain]
) -> None:
    """Frames of zero copy, which veth has not, are twice as large as those that are copied."""
    queues, ring = 4, 65536
    drain = make_drain(make_link(queues=queues), "--ring", str(ring))
    assert drain.ready is not None
    assert "zero copy refused" in drain.ready["notes"]
    frames = queues * ring * FRAME_ROOM
    assert frames <= status(drain.process.pid, "VmHWM") <= 1.25 * frames


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Files of so many flows of one packet each."""

    def frame(number: int) -> bytes:
        ends = struct.pack(">II", 0x0A000000 + number, 0xC6336407)
        udp = struct.pack(">HHHH", 1024, 53, 12, 0) + bytes(4)
        return bytes(12) + struct.pack(">HBBHHHBBH", 0x0800, 0x45, 0, 32, 0, 0, 64, 17, 0) + ends + udp

    directory = tmp_path_factory.mktemp("flows")
    frames = [Frame(frame(number), START + number * 1000) for number in range(MANY)]
    return {count: write_pcap(directory / f"{count}.pcap", frames[:count]) for count in (FEW, MANY)}


def segment_after(path: Path, max_flows: int) -> int:
    """Bytes of the segment that a capture holds when it has read all of a file."""
    with closing(ShmSource.start(CaptureSettings(file=str(path), max_flows=max_flows))) as source:
        assert wait_until(lambda: source.state() is CaptureState.DONE, PATIENCE_S)
        return held(source, "RssShmem")


def test_memory_grows_with_flows_and_not_with_how_many_there_may_be(captures: dict[int, Path]) -> None:
    """The one thing that depends on --max-flows is the index, whose pages are touched in any order."""
    usual, more = 1 << 18, 1 << 21
    few, many = (segment_after(captures[count], usual) for count in (FEW, MANY))
    records = (BYTES_A_FLOW - INDEX_A_FLOW) * (MANY - FEW)
    assert 0.5 * records <= many - few <= records + INDEX_A_FLOW * usual + OTHERS
    assert segment_after(captures[MANY], more) <= many + INDEX_A_FLOW * more + OTHERS
