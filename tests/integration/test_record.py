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

from tests.collectors.collectors import nfcapd, nfcapd_words, wait_for
from tests.collectors.seen_flows import of_nfdump
from tests.collectors.tshark_complaints import complaints

from .conftest import Link, program

MakeLink = Callable[..., Link]
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
        process.communicate(timeout=20)


@pytest.mark.parametrize("queues", [1, 2])
def test_every_packet_is_in_a_flow_of_the_collector(make_link: MakeLink, queues: int, tmp_path: Path) -> None:
    """Idle ends, active cuts and what lives at the end, while templates come again and again."""
    link = make_link(queues=queues)
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
    directory = tmp_path / "nfcapd"
    with nfcapd(directory, link.command()) as port, capture_of(link, tmp_path / "lo.pcap", port):
        command = [program("xtop"), "record", "-i", link.captured, "--capture", "af_xdp", "--every", "0.1"]
        command += ["--idle-timeout", "0.5", "--active-timeout", "1", "--ipfix-refresh", "0.3"]
        record = subprocess.Popen(
            link.command(*command, "--ipfix", f"udp://127.0.0.1:{port}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            assert record.stderr is not None
            assert b"0 packets" in record.stderr.readline()
            for _ in range(3):
                link.send(5_000, "--flows", "400", "--size", "64")  # fits the ring, however late we are
            for line in record.stderr:
                counts = STATUS.search(line.replace(b",", b""))
                if counts and int(counts[1]) == 15_000 and int(counts[2]) >= 400:
                    break
            record.send_signal(signal.SIGINT)
            _, words = record.communicate(timeout=40)
        finally:
            if record.poll() is None:
                record.kill()
                record.communicate()
        assert record.returncode == 130, words
        assert words.decode().splitlines()[-1].endswith(" flows, 0 lost")
        wait_for("the last message", lambda: (tmp_path / "lo.pcap").stat().st_size > 0)
    flows = of_nfdump(directory)
    assert sum(one.packets * count for one, count in flows.items()) == 15_000
    assert len({(one.source, one.destination, one.ports) for one in flows}) == 400
    assert "Bad Packets: 0" in nfcapd_words(directory)
    assert complaints(tmp_path / "lo.pcap", "-d", f"udp.port=={port},cflow") == []
    assert template_messages(tmp_path / "lo.pcap", port) > 2
    assert link.xdp_program() == 0


def template_messages(file: Path, port: int) -> int:
    """Messages with the template of TCP over IPv4, which every refresh has once."""
    command = ["tshark", "-r", str(file), "-d", f"udp.port=={port},cflow", "-Y", "cflow.template_id == 257"]
    return len(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.splitlines())
