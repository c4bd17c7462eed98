# SPDX-License-Identifier: BSD-2-Clause
"""What a capture holds, as the kernel counts it for its process (/proc/PID/status)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.conftest import Link, wait_until
from tests.scenarios.capture_file import START, Frame, write_pcap
from xtop.model import CaptureState
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource

pytestmark = pytest.mark.alone

PATIENCE_S = 60
MB = 1_000_000
FRAME_ROOM = 2048  # bytes of the UMEM for a frame, where the MTU is 1500
BYTES_A_FLOW, INDEX_A_FLOW = 272, 16  # what README and ARCHITECTURE promise; the index is of what --max-flows allows
MANY, FEW = 60_000, 10_000
OTHERS = 6 * MB  # that a process holds, whatever it captures


def held(source: ShmSource, kind: str) -> int:
    """Bytes of memory of the capture's process: RssAnon is its own, RssShmem the segment's."""
    lines = Path(f"/proc/{source.capture_id().pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{kind}:"))) * 1024


@pytest.mark.parametrize("ring", [1024, 16384])
def test_umem_is_at_most_twice_what_the_rings_hold(ring: int, make_link: Callable[..., Link]) -> None:
    link = make_link()
    settings = CaptureSettings(
        links=(LinkSettings(link.captured, capture="af_xdp"),), netns_fd=link.netns_fd, ring=ring, max_flows=4096
    )
    with closing(ShmSource.start(settings)) as source:
        assert ring * FRAME_ROOM <= held(source, "RssAnon") <= 2 * ring * FRAME_ROOM + OTHERS


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
