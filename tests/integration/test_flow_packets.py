# SPDX-License-Identifier: BSD-2-Clause
"""The packets of one flow, from a real link into a file that tshark reads: exactly those that were sent."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from tests.integration.conftest import Link, wait_until
from tests.scenarios.capture_file import SECOND, START, Frame, write_pcap
from xtop.capture_viewer import CaptureViewer
from xtop.flow_packets import HEAD, Bounds, FlowPackets
from xtop.machine_files import MachineFiles
from xtop.model import Flow, View
from xtop.running_captures import running_captures
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
HERE, THERE = "192.0.2.1", "198.51.100.2"
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def frame(number: int, port: int = 4000, back: bool = False, flags: str | None = None, size: int = 20) -> bytes:
    """One numbered frame of the flow of ``port``, in either direction."""
    ends = {"src": THERE, "dst": HERE} if back else {"src": HERE, "dst": THERE}
    ports = {"sport": 53, "dport": port} if back else {"sport": port, "dport": 53}
    payload = number.to_bytes(4, "big") + b"\xab" * (size - 4)
    transport = TCP(**ports, flags=flags, seq=number) if flags else UDP(**ports)
    return bytes(Ether(**MACS) / IP(**ends) / transport / payload)


def send(link: Link, frames: Sequence[bytes], cpu: int | None = None) -> None:
    def go() -> None:
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((link.sending, 0))
            for data in frames:
                sender.send(data)

    thread = threading.Thread(target=go)  # its CPU and its namespace are its own
    thread.start()
    thread.join()


class Tap:
    """A capture of a link, the flow of port 4000 in it, and the file of its packets."""

    def __init__(self, link: Link, path: Path, idle: float = 30.0) -> None:
        self.link, self.path = link, path
        settings = CaptureSettings(
            links=(LinkSettings(link.captured),), netns_fd=link.netns_fd, idle_timeout=idle, max_flows=4096
        )
        self.source = ShmSource.start(settings)
        self.over = threading.Event()

    def flow(self) -> Flow:
        send(self.link, [frame(0)])
        found: list[Flow] = []

        def seen() -> bool:
            found[:] = [flow for flow in self.source.snapshot(View()).flows if flow.source_port == 4000]
            return bool(found)

        assert wait_until(seen)
        return found[0]

    def begin(self, bounds: Bounds) -> FlowPackets:
        tap = self.source.tap(self.flow().key, bounds)
        packets = FlowPackets(tap, self.path, self.link.captured, lambda _: self.over.set())
        packets.start()
        assert wait_until(lambda: packets.begun)
        return packets

    def end(self) -> None:
        self.source.untap()
        assert self.over.wait(20)


@pytest.fixture
def make_tap(make_link: MakeLink, tmp_path: Path) -> Iterator[Callable[..., Tap]]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing (run: sudo apt-get install tshark)")
    taps: list[Tap] = []

    def make(queues: int = 1, idle: float = 30.0, path: Path | None = None, mtu: int = 1500) -> Tap:
        taps.append(Tap(make_link(queues=queues, mtu=mtu), path or tmp_path / "flow.pcapng", idle))
        return taps[-1]

    yield make
    for tap in taps:
        tap.source.close()


def read_back(path: Path) -> list[bytes]:
    """Every packet's bytes, as tshark reads them out of the file."""
    plain = path.with_suffix(".pcap")
    command = ["tshark", "-r", str(path), "-F", "nsecpcap", "-w", str(plain)]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    return [data for data, _ in RawPcapReader(str(plain))]


@pytest.mark.parametrize("queues", [1, 4])
def test_exactly_the_flows_frames_in_both_directions(make_tap: Callable[..., Tap], queues: int) -> None:
    tap = make_tap(queues)
    packets = tap.begin(Bounds())
    cpus = sorted(os.sched_getaffinity(0))
    sent: list[bytes] = []
    for number in range(1, 301):
        mine = frame(number, back=number % 3 == 0, size=4 + number * 4)
        others = [frame(number, port=5000 + number), frame(number, port=53)]
        send(tap.link, [*others, mine], cpus[number % len(cpus)])
        sent.append(mine)
    assert wait_until(lambda: packets.packets == len(sent))
    tap.end()
    read = read_back(tap.path)
    assert sorted(read) == sorted(sent)
    if queues == 1:
        assert read == sent, "one queue keeps the order"
    assert (packets.lost, packets.cut) == (0, 0)
    assert packets.outcome() == "300 packets in"


def test_the_header_is_what_a_reader_expects(make_tap: Callable[..., Tap]) -> None:
    tap = make_tap()
    packets = tap.begin(Bounds(packets=3))
    send(tap.link, [frame(number) for number in range(1, 6)])
    assert tap.over.wait(20)
    assert packets.packets == 3
    assert packets.outcome() == "3 packets (the bound on packets was met) in"
    said = subprocess.run(["capinfos", str(tap.path)], capture_output=True, text=True, check=True, timeout=60).stdout
    for part in ("pcapng", "Ethernet", "nanoseconds", f"Name = {tap.link.captured}", "Number of packets:   3"):
        assert part in said, said
    assert read_back(tap.path) == [frame(number) for number in (1, 2, 3)]


def test_the_bound_on_bytes(make_tap: Callable[..., Tap]) -> None:
    tap = make_tap()
    packets = tap.begin(Bounds(bytes=2 * len(frame(1))))
    send(tap.link, [frame(number) for number in range(1, 6)])
    assert tap.over.wait(20)
    assert read_back(tap.path) == [frame(1), frame(2)]
    assert "bytes" in packets.outcome()


def test_the_bound_on_seconds_and_nothing_came(make_tap: Callable[..., Tap], tmp_path: Path) -> None:
    tap = make_tap()
    packets = tap.begin(Bounds(seconds=0.3))
    assert tap.over.wait(20)
    assert packets.outcome() == "no packet of the flow came, nothing was written (the time is over)"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("how", ["idle", "fin"])
def test_it_ends_with_the_flow(make_tap: Callable[..., Tap], how: str) -> None:
    tap = make_tap(idle=4.0 if how == "idle" else 60.0)
    if how == "fin":
        send(tap.link, [frame(0, flags="S")])
        flows: list[Flow] = []
        assert wait_until(lambda: bool(flows.extend(tap.source.snapshot(View()).flows) or flows))
        packets = FlowPackets(
            tap.source.tap(flows[0].key, Bounds()), tap.path, tap.link.captured, lambda _: tap.over.set()
        )
        packets.start()
        assert wait_until(lambda: packets.begun)
        sent = [frame(1, flags="FA"), frame(2, flags="FA", back=True), frame(3, flags="A")]
    else:
        packets = tap.begin(Bounds())
        sent = [frame(1)]
    send(tap.link, sent)
    assert tap.over.wait(20)
    assert packets.outcome() == f"{len(sent)} packets (the flow ended) in"
    assert read_back(tap.path) == sent


def test_a_capture_that_dies_leaves_what_came_and_says_so(make_tap: Callable[..., Tap]) -> None:
    tap = make_tap()
    packets = tap.begin(Bounds())
    send(tap.link, [frame(1)])
    assert wait_until(lambda: packets.packets == 1)
    tap.source._process._process.kill()
    assert tap.over.wait(20)
    assert packets.outcome() == "1 packets (the capture died) in"
    assert read_back(tap.path) == [frame(1)]


def test_a_full_disk_is_said_and_leaves_nothing(make_tap: Callable[..., Tap], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=True)
    try:
        tap = make_tap(path=disk / "flow.pcapng")
        packets = tap.begin(Bounds())
        for _ in range(5):
            send(tap.link, [frame(number, size=1400) for number in range(1, 31)])
        assert wait_until(lambda: packets.packets > 40 or packets.over)
        tap.source.untap()
        assert tap.over.wait(20)
        assert "No space left on device" in packets.outcome()
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_reader_that_stands_still_costs_the_capture_nothing_but_counts(make_tap: Callable[..., Tap]) -> None:
    """The owner does not read: the socket fills, what finds it full is counted, and each frame is still accounted."""
    tap = make_tap()
    key = tap.flow().key
    with closing(tap.source.tap(key, Bounds(packets=10**9, bytes=1 << 40))) as held:
        assert select.select([held], [], [], 20)[0], "the capture says that it copies"
        count = 12_000
        for start in range(0, count, 1000):
            send(tap.link, [frame(number, size=1400) for number in range(start, start + 1000)])
            assert wait_until(lambda sent=start + 1000: tap.source.snapshot(View()).totals.packets == sent + 1)  # type: ignore[misc]
        tap.source.untap()
        path = tap.path
        packets = FlowPackets(held.dup(), path, "v1", lambda _: tap.over.set())
        packets.start()
        assert tap.over.wait(20)
        assert packets.matched == count
        assert packets.lost > 0
        assert packets.packets + packets.lost == count
        assert f"{packets.lost:,} lost" in packets.outcome()


def view(tap: Tap) -> ShmSource:
    pid = tap.source.capture_id().pid
    (capture,) = (one for one in running_captures(MachineFiles()) if one.pid == pid)
    return ShmSource(CaptureViewer.attach(capture), CaptureSettings())


def keys(source: ShmSource) -> dict[int, bytes]:
    return {flow.source_port: flow.key for flow in source.snapshot(View()).flows}


def test_viewers_write_their_own_flows_beside_the_owners(make_tap: Callable[..., Tap], tmp_path: Path) -> None:
    """Three at a time, two of them at the same flow: each file has its flow's frames; who leaves takes nobody along."""
    tap = make_tap()
    send(tap.link, [frame(0, port=port) for port in (4000, 4001)])
    with closing(view(tap)) as first, closing(view(tap)) as second:
        assert wait_until(lambda: {4000, 4001} <= set(keys(first)))
        asked = [(tap.source, 4000), (first, 4001), (second, 4001)]
        written = []
        for number, (source, port) in enumerate(asked):
            socket_of_frames = source.tap(keys(source)[port], Bounds())
            packets = FlowPackets(socket_of_frames, tmp_path / f"{number}.pcapng", tap.link.captured, lambda _: None)
            packets.start()
            written.append(packets)
        assert wait_until(lambda: all(packets.begun for packets in written))
        sent = {port: [frame(number, port=port) for number in range(1, 101)] for port in (4000, 4001)}
        send(tap.link, [one for pair in zip(*sent.values(), strict=True) for one in pair])
        assert wait_until(lambda: all(packets.packets == 100 for packets in written))
        second.close()  # as if killed: it does not say that it wants no more
        assert wait_until(lambda: written[2].over)
        more = [frame(101, port=port) for port in (4000, 4001)]
        send(tap.link, more)
        assert wait_until(lambda: [packets.packets for packets in written] == [101, 101, 100])
        first.untap()
        assert wait_until(lambda: written[1].over)
        assert not written[0].over
        tap.source.untap()
        assert wait_until(lambda: written[0].over)
    assert [packets.outcome() for packets in written] == ["101 packets in", "101 packets in", "100 packets in"]
    for number, (_, port) in enumerate(asked):
        expected = sent[port] + ([] if number == 2 else [more[port - 4000]])
        assert read_back(tmp_path / f"{number}.pcapng") == expected


def test_what_viewers_may_not_ask_for(make_tap: Callable[..., Tap], tmp_path: Path) -> None:
    """No file, no other socket is written into; the ninth writer is refused; a viewer cannot end the capture."""
    tap = make_tap()
    key = tap.flow().key
    request = f"tap 10 1000000000 1000 {key[:40].hex()}".encode()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with (tmp_path / "file").open("wb") as file, ours, theirs:
        for words, fds in (
            (b"stop", []),
            (b"cursor 0 1000", []),
            (request, []),
            (request, [file.fileno()]),
            (request, [theirs.fileno()]),
            (request, [theirs.fileno(), file.fileno()]),
            (b"tap 0 0 0 " + b"f" * 80, [theirs.fileno()]),
            (os.urandom(4000), []),
            (b"", [theirs.fileno()]),
        ):
            with closing(view(tap)) as viewer:
                control = viewer._process._control
                socket.send_fds(control, [words], fds)
                assert select.select([control], [], [], 40)[0], words
                assert control.recv(100) == b"", "it is let go of"
        pid = tap.source.capture_id().pid
        held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert str(tmp_path / "file") not in held
        assert f"socket:[{os.fstat(theirs.fileno()).st_ino}]" not in held
        assert (tmp_path / "file").stat().st_size == 0

    with ExitStack() as stack:
        viewers = [stack.enter_context(closing(view(tap))) for _ in range(9)]
        taps, reasons = [], []
        for viewer in viewers:  # one after the other: who asks at one time is served in any order
            taps.append(stack.enter_context(viewer.tap(key, Bounds())))
            reasons.append(HEAD.unpack_from(taps[-1].recv(HEAD.size))[0])
        assert reasons == [0] * 8 + [8]
        viewers[0].close()
        assert taps[0].recv(HEAD.size)[0] == 4, "who leaves makes room"
        again = stack.enter_context(viewers[8].tap(key, Bounds()))
        assert HEAD.unpack_from(again.recv(HEAD.size))[0] == 0
    send(tap.link, [frame(1)])
    assert wait_until(lambda: [flow.packets for flow in tap.source.snapshot(View()).flows if flow.key == key] == [2])


def test_large_frames_of_a_file_at_its_own_pace(tmp_path: Path) -> None:
    """What offloads put together: sixteen of them, which make up a message of others, are more than a socket holds."""
    large = [frame(number, size=60_000) for number in range(1, 33)]
    burst = START + 3 * SECOND
    file = write_pcap(
        tmp_path / "file.pcap", [Frame(frame(0)), *(Frame(one, burst) for one in large), Frame(b"", burst)]
    )
    with closing(ShmSource.start(CaptureSettings(file=str(file), realtime=True))) as source:
        assert wait_until(lambda: len(source.snapshot(View()).flows) == 1)
        (flow,) = source.snapshot(View()).flows
        packets = FlowPackets(source.tap(flow.key, Bounds()), tmp_path / "flow.pcapng", str(file), lambda _: None)
        packets.start()
        assert wait_until(lambda: packets.packets + packets.lost == len(large))
        source.untap()
        assert wait_until(lambda: packets.over)
    assert packets.lost == 0
    assert read_back(tmp_path / "flow.pcapng") == large
