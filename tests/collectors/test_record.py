# SPDX-License-Identifier: BSD-2-Clause
"""``xtop record`` and real collectors: what their own queries tell is what xtop's JSON tells."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.certificates import Authority
from tests.collectors.collectors import (
    DEADLINE_S,
    TCP_LISTEN,
    XTOP,
    PipedRecord,
    StreamCollector,
    free_port,
    nfacctd,
    nfcapd,
    nfcapd_words,
    replay,
    sources_of,
    tls_listen,
    wait_for,
)
from tests.collectors.conftest import RunXtop
from tests.collectors.seen_flows import (
    ICMP,
    ICMPV6,
    Seen,
    directions_of_snapshot,
    of_nfacctd,
    of_nfdump,
    of_snapshot,
    of_tshark,
)
from tests.collectors.tshark_complaints import complaints
from tests.scenarios.capture_file import every, write_pcap

ReadJson = Callable[[Path], dict[str, Any]]
PCAPS = Path(__file__).parents[1] / "scenarios" / "pcaps"


def as_nfdump_keeps_it(flows: Counter[Seen]) -> Counter[Seen]:
    """nfdump has eight flags, in its own order of letters; ports of TCP, UDP and SCTP alone are kept as such."""
    return Counter({replace(one, flags=one.flags.replace("N", "")): count for one, count in flows.items()})


def test_nfcapd_over_udp(every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path) -> None:
    directory = tmp_path / "nfcapd"
    with nfcapd(directory) as port:
        done = run_xtop("record", "-r", every_kind, "--ipfix", f"udp://127.0.0.1:{port}")
        assert (done.returncode, done.stderr) == (0, b"")
    assert of_nfdump(directory) == as_nfdump_keeps_it(of_snapshot(read_json(every_kind)))
    assert "Sequence Errors: 0, Bad Packets: 0" in nfcapd_words(directory)


def test_all_flows_that_live_at_the_end(run_xtop: RunXtop, tmp_path: Path) -> None:
    """More than are taken at a time; the frames say which there are, and tshark which came."""
    senders = [f"10.{number >> 8}.{number & 255}.9" for number in range(9000)]
    udp = (
        struct.pack(">BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0),
        struct.pack(">4sHHHH", b"\xc6\x33\x64\x07", 99, 53, 8, 0),
    )
    frames = [bytes(12) + b"\x08\0" + udp[0] + socket.inet_aton(sender) + udp[1] for sender in senders]
    capture = write_pcap(tmp_path / "many.pcap", every(1000, frames))
    done = run_xtop("record", "-r", capture, "--ipfix", f"file:{tmp_path / 'flows'}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert Counter(one.source for one in of_tshark(tmp_path / "flows").elements()) == Counter(senders)
    assert complaints(tmp_path / "flows") == []


def test_nfcapd_over_udp_each_direction(
    every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path
) -> None:
    directory = tmp_path / "nfcapd"
    with nfcapd(directory) as port:
        done = run_xtop("record", "-r", every_kind, "--uniflow", "--ipfix", f"udp://127.0.0.1:{port}")
        assert (done.returncode, done.stderr) == (0, b"")
    assert of_nfdump(directory) == as_nfdump_keeps_it(directions_of_snapshot(read_json(every_kind)))


def as_nfacctd_sees_it(one: Seen) -> Seen:
    """It makes no ports of ICMP's type and code, and reads one octet of flags."""
    blind = one.protocol in {ICMP, ICMPV6}
    return replace(one, ports=(0, 0) if blind else one.ports, flags="" if "N" in one.flags else one.flags)


def test_nfacctd(every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path) -> None:
    """It knows no RFC 5103."""
    expected = Counter(map(as_nfacctd_sees_it, directions_of_snapshot(read_json(every_kind)).elements()))
    with nfacctd(tmp_path / "nfacctd") as (port, rows):
        done = run_xtop("record", "-r", every_kind, "--uniflow", "--ipfix", f"udp://127.0.0.1:{port}")
        assert (done.returncode, done.stderr) == (0, b"")
        wait_for("all rows", lambda: rows.exists() and rows.read_text().count("\n") >= expected.total())
    assert of_nfacctd(rows.read_text().splitlines()) == expected
    assert "Discarded" not in (tmp_path / "nfacctd" / "log").read_text()


@pytest.mark.parametrize("options", [(), ("--uniflow",)])
def test_the_last_statistics_count_the_records(options: tuple[str, ...], run_xtop: RunXtop, tmp_path: Path) -> None:
    """exportedFlowRecordTotalCount (42), which tshark calls FlowsExp: of directions, where these are records."""
    file = tmp_path / "flows.ipfix"
    done = run_xtop("record", "-r", PCAPS / "zoom.pcap", *options, "--ipfix", f"file:{file}")
    assert (done.returncode, done.stderr) == (0, b"")
    words = subprocess.run(["tshark", "-r", file, "-V"], check=True, capture_output=True, text=True).stdout
    told = [int(line.split(":")[1]) for line in words.splitlines() if "FlowsExp:" in line]
    assert told[-1] == of_tshark(file).total()


@pytest.mark.parametrize("option", ["--sample", "--sample-random"])
def test_a_collector_multiplies_what_was_sampled(option: str, run_xtop: RunXtop, tmp_path: Path) -> None:
    """nfacctd estimates by what the options records say; the same flows as they were counted are in a file."""
    file = tmp_path / "counted.ipfix"
    with nfacctd(tmp_path / "nfacctd", "nfacctd_renormalize: true\n") as (port, rows):
        exports = ("--uniflow", "--ipfix", f"file:{file}", "--ipfix", f"udp://127.0.0.1:{port}")
        done = run_xtop("record", "-r", PCAPS / "bittorrent.pcap", option, 4, *exports)
        assert (done.returncode, done.stderr) == (0, b"")
        counted = of_tshark(file)
        wait_for("all rows", lambda: rows.exists() and rows.read_text().count("\n") >= counted.total())
    estimates = Counter({replace(one, packets=4 * one.packets, bytes=4 * one.bytes): n for one, n in counted.items()})
    assert of_nfacctd(rows.read_text().splitlines()) == estimates
    assert complaints(file) == []


def test_tcp(every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path) -> None:
    """The stream as tshark reads it, and nfcapd, to which its messages are handed on."""
    port = free_port()
    collector = StreamCollector(tmp_path / "stream.ipfix", port)
    done = run_xtop("record", "-r", every_kind, "--ipfix", f"tcp://127.0.0.1:{port}")
    assert (done.returncode, done.stderr) == (0, b"")
    collector.wait()
    expected = of_snapshot(read_json(every_kind))
    assert complaints(collector.file) == []
    assert of_tshark(collector.file) == expected
    with nfcapd(tmp_path / "nfcapd") as udp_port:
        replay(collector.file.read_bytes(), udp_port)
    assert of_nfdump(tmp_path / "nfcapd") == as_nfdump_keeps_it(expected)


def test_several_collectors_and_a_file(
    every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path
) -> None:
    port, file = free_port(), tmp_path / "flows.ipfix"
    collector = StreamCollector(tmp_path / "stream.ipfix", port)
    done = run_xtop("record", "-r", every_kind, "--ipfix", f"tcp://127.0.0.1:{port}", "--ipfix", f"file:{file}")
    assert (done.returncode, done.stderr) == (0, b"")
    collector.wait()
    assert of_tshark(file) == of_tshark(collector.file) == of_snapshot(read_json(every_kind))


def test_output_is_an_ipfix_file_beside_collectors(
    every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path
) -> None:
    file = tmp_path / "flows.ipfix"
    with nfcapd(tmp_path / "nfcapd") as port:
        done = run_xtop("record", "-r", every_kind, "-o", file, "--ipfix", f"udp://127.0.0.1:{port}")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    expected = of_snapshot(read_json(every_kind))
    assert complaints(file) == []
    assert of_tshark(file) == expected
    assert of_nfdump(tmp_path / "nfcapd") == as_nfdump_keeps_it(expected)


def test_standard_output_is_an_ipfix_file_beside_another(every_kind: Path, run_xtop: RunXtop, tmp_path: Path) -> None:
    file, written = tmp_path / "flows.ipfix", tmp_path / "written.ipfix"
    done = run_xtop("record", "-r", every_kind, "-o", "-", "--ipfix", f"file:{file}")
    assert (done.returncode, done.stderr) == (0, b"")
    written.write_bytes(done.stdout)
    assert complaints(written) == []
    assert of_tshark(written) == of_tshark(file) != Counter()


def test_who_reads_standard_output_has_flows_as_they_end(tmp_path: Path) -> None:
    """While it runs, and though they would not fill a buffer: the second step ends the 32 flows of the first."""
    record, file = PipedRecord("-o", "-"), tmp_path / "read.ipfix"
    assert record.process.stdout is not None
    record.step()
    record.step()
    output = record.process.stdout.fileno()
    with file.open("wb", buffering=0) as copy:
        while len(sources_of(file, whole=False)) < record.FLOWS:
            assert select.select([output], [], [], DEADLINE_S)[0], "nothing more is written"
            copy.write(os.read(output, 1 << 16))
    assert record.process.poll() is None
    assert Counter(sources_of(file)) == Counter(f"10.0.0.{flow}" for flow in range(32))
    assert record.end()[0] == 0


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_collector_killed_and_restarted(scheme: str, tmp_path: Path) -> None:
    """No flow comes twice, and none is lost while the queue holds."""
    port, listen = free_port(), TCP_LISTEN
    options = ["--ipfix", f"{scheme}://127.0.0.1:{port}"]
    if scheme == "tls":
        authority = Authority(tmp_path)
        listen = tls_listen(authority.sign("server", "IP:127.0.0.1"), authority, 0)
        options += ["--ipfix-ca", str(authority.file)]
    first = StreamCollector(tmp_path / "first.ipfix", port, listen)
    record = PipedRecord(*options)
    for _ in range(4):
        record.step()
    wait_for(
        "three steps have come", lambda: len(sources_of(first.file, whole=False)) == 3 * record.FLOWS, record.process
    )
    first.kill()
    for _ in range(5):
        record.step()
    second = StreamCollector(tmp_path / "second.ipfix", port, listen)
    record.step()
    code, words = record.end()
    second.wait()
    assert code == 0, words
    assert complaints(second.file) == []  # templates came again, sequence numbers began again
    assert Counter(sources_of(first.file, second.file)) == Counter(record.expected_addresses())


def test_flow_filter(every_kind: Path, run_xtop: RunXtop, read_json: ReadJson, tmp_path: Path) -> None:
    """Of those that ended while it ran, and of those that lived at the end."""
    file = tmp_path / "flows.ipfix"
    for timeout in ("30", "0.001"):
        options = ("--flow-filter", "udp and not port 9", "--idle-timeout", timeout)
        done = run_xtop("record", "-r", every_kind, *options, "--ipfix", f"file:{file}", "--overwrite")
        assert (done.returncode, done.stderr) == (0, b"")
        flows = of_tshark(file)
        assert {one.protocol for one in flows} == {17}
        assert {one.source for one in flows} >= {"192.0.2.1", "192.0.2.7", "2001:db8::1"}
        assert not any(9 in one.ports for one in flows)


def test_anonymize(every_kind: Path, run_xtop: RunXtop, tmp_path: Path) -> None:
    """Under one key what ended while it ran, what lived at the end and a snapshot's file bear the same addresses."""
    key, file = tmp_path / "key", tmp_path / "flows.ipfix"
    key.write_bytes(b"thirty-two letters make one key.")
    done = run_xtop("snapshot", "-r", every_kind, "--anonymize-key", key, "--format", "ipfix", "-o", file)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = of_tshark(file)
    run_xtop("snapshot", "-r", every_kind, "--format", "ipfix", "-o", file, "--overwrite")
    plain = of_tshark(file)
    assert not {one.source for one in plain} & {one.source for one in expected}
    done = run_xtop("record", "-r", every_kind, "--anonymize-key", key, "--ipfix", f"file:{file}", "--overwrite")
    assert (done.returncode, done.stderr) == (0, b"")
    assert of_tshark(file) == expected
    options = ("--idle-timeout", "0.001", "--anonymize-key", key)
    run_xtop("record", "-r", every_kind, *options, "--ipfix", f"file:{file}", "--overwrite")
    assert {one.source for one in of_tshark(file)} <= {end for one in expected for end in (one.source, one.destination)}


def test_what_the_queue_cannot_hold_is_counted(tmp_path: Path) -> None:
    """Nobody listens: the queue keeps what it has room for, and all of it is lost in the end."""
    record = PipedRecord("--ipfix", f"tcp://127.0.0.1:{free_port()}", "--ipfix-queue", "40")
    for _ in range(6):
        record.step()
    code, words = record.end()
    assert code == 1
    assert words[-1].startswith("xtop: error: 192 flows did not reach tcp://127.0.0.1:")
    assert words[-1].endswith("(connection refused; 0 did)")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_end_ends_in_order(end: signal.Signals, tmp_path: Path) -> None:
    """What had ended and what lived is in the file, each once: also where the session goes (SIGHUP)."""
    file = tmp_path / "flows.ipfix"
    record = PipedRecord("--ipfix", f"file:{file}")
    for _ in range(3):
        record.step()
    assert record.process.stderr is not None
    for line in record.process.stderr:
        if b"64 ended" in line:
            break
    record.process.send_signal(end)
    _, words = record.process.communicate(timeout=40)
    assert record.process.returncode == 0, words
    assert Counter(sources_of(file)) == Counter(record.expected_addresses())


def test_impatience(tmp_path: Path) -> None:
    """A collector that is not there is waited for at the end, but not against the user's will."""
    record = PipedRecord("--ipfix", f"tcp://127.0.0.1:{free_port()}")
    record.step()
    record.step()
    assert record.process.stderr is not None
    for line in record.process.stderr:
        if b"32 ended" in line:
            break
    while record.process.poll() is None:
        record.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            record.process.wait(0.5)
    assert record.process.returncode in {130, -signal.SIGINT}  # the latter where Python was just about to exit
    assert b"Traceback" not in record.process.stderr.read()


@pytest.mark.parametrize("options", [("--ipfix", "file:-"), ("-o", "-")])
def test_a_reader_that_has_seen_enough(options: tuple[str, ...], every_kind: Path) -> None:
    process = subprocess.Popen(
        [XTOP, "record", "-r", every_kind, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, words = process.communicate(timeout=40)
    assert (process.returncode, words) == (0, b"")


REFUSALS = {
    "nothing": ((), "nothing to record to"),
    "no collector": (("--ipfix", "http://127.0.0.1"), "is no collector"),
    "no host": (("--ipfix", "udp://:4739"), "names no host"),
    "port": (("--ipfix", "udp://127.0.0.1:70000"), "has no port"),
    "unknown host": (("--ipfix", "udp://no-such-host.invalid"), "cannot export to udp://no-such-host.invalid"),
    "unknown host, tcp": (("--ipfix", "tcp://no-such-host.invalid"), "cannot export to tcp://no-such-host.invalid"),
    "filter": (("--ipfix", "udp://127.0.0.1", "--flow-filter", "port"), "cannot read the flow filter"),
    "directory": (("--ipfix", "file:/"), "cannot write /"),
    "output a directory": (("-o", "/"), "cannot write /"),
    "output no name": (("-o", ""), "names no file"),
    "output twice": (("-o", "/tmp/a", "--output", "/tmp/b"), "--output is given twice"),
    "two on standard output": (("-o", "-", "--ipfix", "file:-"), "cannot export to standard output twice"),
    "two in one file": (("-o", "/tmp/one", "--ipfix", "file:/tmp/./one"), "cannot export to /tmp/./one twice"),
    "full": (("--ipfix", "file:/dev/full"), "cannot write /dev/full"),
    "no CA": (("--ipfix", "tls://127.0.0.1", "--ipfix-ca", "/nowhere"), "cannot use /nowhere"),
    "CA is none": (("--ipfix", "tls://127.0.0.1", "--ipfix-ca", "/etc/passwd"), "cannot use /etc/passwd"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name: str, every_kind: Path, run_xtop: RunXtop) -> None:
    options, said = REFUSALS[name]
    done = run_xtop("record", "-r", every_kind, *options)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == (1 if name == "full" else 2), lines
    assert len(lines) == 1
    assert lines[0].startswith("xtop: error: ")
    assert said in lines[0]


@pytest.mark.parametrize("option", ["--ipfix", "-o"])
def test_a_file_that_is_there_stays(option: str, every_kind: Path, run_xtop: RunXtop, tmp_path: Path) -> None:
    file = tmp_path / "flows.ipfix"
    file.write_text("mine")
    command = ("record", "-r", every_kind, option, f"file:{file}" if option == "--ipfix" else file)
    done = run_xtop(*command)
    assert done.returncode == 2
    assert file.read_text() == "mine"
    assert run_xtop(*command, "--overwrite").returncode == 0
    assert file.read_bytes()[:2] == b"\0\x0a"
