# SPDX-License-Identifier: BSD-2-Clause
"""Collectors that nobody here wrote, as processes that a test starts and kills: nfcapd, nfacctd; socat for streams."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.collectors.certificates import Authority

XTOP = Path(sys.executable).parent / "xtop"
DEADLINE_S = 40.0


def wait_for(what: str, condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until ``condition`` holds; fail the test after a generous while, or when ``process`` has died."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}"
        assert process is None or process.poll() is None, f"{what}: the process ended"
        time.sleep(0.02)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _bound(pid: int, port: int, table: str) -> bool:
    """Whether somebody in the process's network has the port: of UDP, or listens on it, of TCP."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    return any(int(row[1].rpartition(":")[2], 16) == port and row[3] in {"07", "0A"} for row in rows)


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as words:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def nfcapd(directory: Path, prefix: Sequence[str] = ()) -> Iterator[int]:
    """Collect into ``directory``; yield the port. When it is over, the files are whole and the log says how it went."""
    directory.mkdir()
    port = free_port(socket.SOCK_DGRAM)
    # -l: 1.6 has no -w DIRECTORY, and 1.7 takes both.
    command = ["nfcapd", "-l", str(directory), "-b", "127.0.0.1", "-p", str(port), "-B", "4000000"]
    with _running([*prefix, *command], directory.with_suffix(".log")) as process:
        wait_for("nfcapd listens", lambda: _bound(process.pid, port, "udp"), process)
        yield port
        settle(port, process.pid)


def settle(port: int, pid: int) -> None:
    """Wait until nothing waits in the UDP socket of ``port``, in the network of a process, any more."""

    def empty() -> bool:
        rows = [line.split() for line in Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]]
        mine = [row for row in rows if int(row[1].rpartition(":")[2], 16) == port]
        assert all(int(row[-1]) == 0 for row in mine), "the collector's socket was full"
        return all(int(row[4].rpartition(":")[2], 16) == 0 for row in mine)

    wait_for("the collector has read all", empty)


def nfcapd_words(directory: Path) -> str:
    """What nfcapd said."""
    return directory.with_suffix(".log").read_text()


NFACCTD = """\
nfacctd_ip: 127.0.0.1
nfacctd_port: {port}
plugins: print[a]
aggregate[a]: src_host, dst_host, src_port, dst_port, proto, tcpflags, vlan, timestamp_start, timestamp_end
print_output[a]: json
print_refresh_time[a]: 2
print_output_file[a]: {output}
print_output_file_append[a]: true
timestamps_since_epoch: true
debug: true
"""


@contextlib.contextmanager
def nfacctd(directory: Path, more: str = "") -> Iterator[tuple[int, Path]]:
    """Yield the port, and the file that rows will be in; ``more`` lines of its configuration."""
    directory.mkdir()
    port, output, configuration = free_port(socket.SOCK_DGRAM), directory / "rows", directory / "nfacctd.conf"
    configuration.write_text(NFACCTD.format(port=port, output=output) + more)
    with _running(["nfacctd", "-f", str(configuration)], directory / "log") as process:
        wait_for("nfacctd listens", lambda: _bound(process.pid, port, "udp"), process)
        yield port, output


TCP_LISTEN = "TCP-LISTEN:{port},reuseaddr,bind=127.0.0.1"
TLS_LISTEN = "OPENSSL-LISTEN:{{port}},reuseaddr,bind=127.0.0.1,cert={certificate},cafile={authority},verify={verify}"


def tls_listen(certificate: Path, authority: Authority, verify: int) -> str:
    """What socat listens to: TLS with ``certificate``; with ``verify`` the client must have one, too."""
    return TLS_LISTEN.format(certificate=certificate, authority=authority.file, verify=verify)


class StreamCollector:
    """socat, which writes what comes over TCP or TLS into a file: an IPFIX file (RFC 5655)."""

    def __init__(self, file: Path, port: int, listen: str = TCP_LISTEN) -> None:
        self.file = file
        command = ["socat", "-u", listen.format(port=port), f"OPEN:{file},creat,trunc"]
        self._log = file.with_suffix(".log")
        with self._log.open("wb") as words:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        wait_for("socat listens", lambda: _bound(self.process.pid, port, "tcp"), self.process)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def wait(self) -> None:
        """Wait until the exporter has ended the stream."""
        self.process.wait(DEADLINE_S)

    def words(self) -> str:
        """What it said."""
        return self._log.read_text()


def messages_of(stream: bytes) -> Iterator[bytes]:
    """Cut an IPFIX stream into its messages (RFC 7011, 10.4.2); what is not there yet is left."""
    at = 0
    while at + 16 <= len(stream) and at + (size := int.from_bytes(stream[at + 2 : at + 4], "big")) <= len(stream):
        yield stream[at : at + size]
        at += size


def replay(stream: bytes, port: int) -> None:
    """Send the messages of a stream to a collector of datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for message in messages_of(stream):
            out.sendto(message, ("127.0.0.1", port))
            settle(port, os.getpid())


class PipedRecord:
    """``xtop record -r -``: it is fed frames, and so time, step by step. Flows of a step end with the step after it."""

    FLOWS = 32  # a step; each has a packet there and one back: a burst of 64 frames

    def __init__(self, *options: str) -> None:
        command = [str(XTOP), "record", "-r", "-", "--every", "0.1", *options]
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        self.process = subprocess.Popen(
            command, env=buffered, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin is not None
        self._pipe = self.process.stdin
        self._pipe.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))  # raw IP
        self.steps = 0

    def step(self) -> None:
        """Feed the next flows."""
        seconds = 1_700_000_000 + self.steps * 100
        for flow in range(self.FLOWS):
            ends = (bytes((10, 0, self.steps, flow)), bytes((10, 1, 0, 1)))
            for (source, destination), ports in ((ends, (1000, 2000)), (ends[::-1], (2000, 1000))):
                udp = struct.pack("!HHHH", *ports, 12, 0) + b"flow"
                ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + source + destination
                self._pipe.write(struct.pack("<IIII", seconds, 0, len(ip + udp), len(ip + udp)) + ip + udp)
        self._pipe.flush()
        self.steps += 1

    def end(self) -> tuple[int, list[str]]:
        """Let it come to the file's end; return its exit code and what it said."""
        self._pipe.close()
        self.process.stdin = None
        _, words = self.process.communicate(timeout=2 * DEADLINE_S)
        return self.process.returncode, words.decode().splitlines()

    def expected_addresses(self) -> set[str]:
        """The source of each flow so far."""
        return {f"10.0.{step}.{flow}" for step in range(self.steps) for flow in range(self.FLOWS)}


def sources_of(*files: Path, whole: bool = True) -> list[str]:
    """The source address of each flow record in IPFIX files, as tshark reads them; ``whole``: to their end."""
    found: list[str] = []
    for file in files:
        command = ["tshark", "-r", str(file), "-Y", "cflow.srcaddr", "-T", "fields", "-e", "cflow.srcaddr"]
        lines = subprocess.run(command, capture_output=True, timeout=60, check=whole).stdout.decode().split()
        found += [address for line in lines for address in line.split(",")]
    return found
