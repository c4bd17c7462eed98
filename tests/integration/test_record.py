# SPDX-License-Identifier: BSD-2-Clause
"""``xtop record`` on a real link: every packet that was captured is in a flow that a collector has, once."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collectors.collectors import free_port, nfcapd, nfcapd_words, wait_for
from tests.collectors.seen_flows import of_nfdump
from tests.collectors.test_metrics import scrape
from tests.collectors.tshark_complaints import complaints

from .conftest import Link
from .recording import interrupted, recording

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
COUNTS = re.compile(r"(\d+) packets 0 lost \| (\d+) flows live (\d+) ended")
EXPORTED = re.compile(r": (\d+) flows (\d+) lost")
STATUS = re.compile(rb"(\d+) packets 0 lost .* (\d+) ended")


@contextmanager
def capture_of(link: Link, file: Path, port: int) -> Iterator[None]:
    """What goes to the collector, in a file."""
    command = link.command("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-w", str(file), "udp", "port", str(port))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()  # listening
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=40)


@pytest.mark.parametrize(("queues", "mtu", "longest"), [(1, 65536, 1500), (2, 900, 900)])
def test_every_packet_is_in_a_flow_of_the_collector(
    make_link: MakeLink, queues: int, mtu: int, longest: int, tmp_path: Path
) -> None:
    """Idle ends, active cuts and what lives at the end, while templates come again and again."""
    link = make_link(queues=queues)
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up", mtu=mtu)
    directory = tmp_path / "nfcapd"
    with nfcapd(directory, link.command()) as port, capture_of(link, tmp_path / "lo.pcap", port):
        timeouts = ("--idle-timeout", "0.5", "--active-timeout", "1", "--ipfix-refresh", "0.3")
        with recording(link, *timeouts, "--ipfix", f"udp://127.0.0.1:{port}") as (record, said):
            assert b"0 packets" in said.readline()
            for _ in range(3):
                link.send(5_000, "--flows", "400", "--size", "64")  # fits the ring, however late we are
            for line in said:
                counts = STATUS.search(line.replace(b",", b""))
                if counts and int(counts[1]) == 15_000 and int(counts[2]) >= 400:
                    break
            words = interrupted(record)
        assert record.returncode == 130, words
        assert words.decode().splitlines()[-1].endswith(" flows, 0 lost")
        wait_for("the last message", lambda: (tmp_path / "lo.pcap").stat().st_size > 0)
    flows = of_nfdump(directory)
    assert sum(one.packets * count for one, count in flows.items()) == 15_000
    assert len({(one.source, one.destination, one.ports) for one in flows}) == 400
    assert "Bad Packets: 0" in nfcapd_words(directory)
    assert complaints(tmp_path / "lo.pcap", "-d", f"udp.port=={port},cflow") == []
    assert template_messages(tmp_path / "lo.pcap", port) > 2
    lengths = ip_lengths(tmp_path / "lo.pcap")
    assert longest - 160 < max(lengths) <= longest  # no datagram was cut, and none could have held another record
    assert link.xdp_program() == 0


def test_a_collector_that_does_not_read_costs_flows_and_no_packet(make_link: MakeLink, tmp_path: Path) -> None:
    """What neither its socket, nor our queue, nor the ring of 65,536 flows holds is counted to the flow."""
    link = make_link()
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
    port, file = free_port(), tmp_path / "stream.ipfix"
    listen = link.command("socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1,rcvbuf=4096", f"OPEN:{file},creat")
    collector = subprocess.Popen(listen, stdin=subprocess.DEVNULL)
    try:
        wait_for("socat listens", lambda: listens(collector.pid, port), collector)
        collector.send_signal(signal.SIGSTOP)
        words = record_bursts(link, port, bursts=20)
        collector.send_signal(signal.SIGCONT)
        assert collector.wait(40) == 0
    finally:
        collector.kill()
        collector.wait()
    last, error = words[-2].replace(",", ""), words[-1]
    packets, live, ended = (int(number) for number in COUNTS.findall(last)[0])
    sent, lost = (int(number) for number in EXPORTED.findall(last)[0])
    assert packets == 200_000
    assert sent + lost == live + ended  # each flow is told of once
    assert sent < 2_000
    assert lost > 100_000
    assert error.startswith(f"xtop: error: {lost} flows did not reach tcp://127.0.0.1:{port} ")


def test_metrics_have_rates_over_the_interval(make_link: MakeLink) -> None:
    """Whatever looks there are for the status line: 1,000 frames at once are at most 500 a second, of two."""
    link, port = make_link(), free_port()
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
    pps = (("xtop_packets_per_second", f"{link.captured}0"), ("xtop_packets_total", f"{link.captured}0"))
    with recording(link, "--metrics", f"127.0.0.1:{port}", "-n", "2") as (record, said), link.inside():
        assert b"0 packets" in said.readline()
        link.send(1_000, "--flows", "10", "--size", "64")
        seen: list[tuple[float, ...]] = []

        def shown() -> bool:
            samples = scrape(port)
            seen.append(tuple(samples.get(name, 0.0) for name in pps))
            return seen[-1][0] > 0

        wait_for("a rate", shown)
        interrupted(record)
    assert seen[-1][1] == 1_000
    assert seen[-1][0] < 600  # 500 of an interval that is not a moment shorter


def record_bursts(link: Link, port: int, bursts: int) -> list[str]:
    """Flows that end while others begin; return what xtop says, line by line."""
    collector = ("--ipfix", f"tcp://127.0.0.1:{port}", "--ipfix-queue", "100")
    with recording(link, "--idle-timeout", "0.001", *collector) as (record, said):
        assert b"0 packets" in said.readline()
        for burst in range(bursts):
            link.send(10_000, "--flows", "10000", "--size", "64")  # each ends with its next packet
            arrived = b"%d packets 0 lost" % (10_000 * (burst + 1))
            for line in said:
                if arrived in line.replace(b",", b""):
                    break
        words = interrupted(record)
    assert record.returncode == 1
    return words.decode().splitlines()


def listens(pid: int, port: int) -> bool:
    """Whether somebody in the process's network listens on the port."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return any(int(row[1].rpartition(":")[2], 16) == port and row[3] == "0A" for row in rows)


def ip_lengths(file: Path) -> list[int]:
    """The length of each IP packet."""
    command = ["tshark", "-r", str(file), "-T", "fields", "-e", "ip.len"]
    return list(map(int, subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.split()))


def template_messages(file: Path, port: int) -> int:
    """Messages with the template of TCP over IPv4, which every refresh has once."""
    command = ["tshark", "-r", str(file), "-d", f"udp.port=={port},cflow", "-Y", "cflow.template_id == 257"]
    return len(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.splitlines())
