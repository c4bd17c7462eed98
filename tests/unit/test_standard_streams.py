# SPDX-License-Identifier: BSD-2-Clause
"""xtop started without a standard descriptor: a file that is opened is not taken for it, and nothing is a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.capture_file import Frame, write_pcap

BIN = Path(sys.executable).parent
PCAP = Path(__file__).parents[1] / "scenarios/pcaps/dns.pcap"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    words = command.replace("xtop", str(BIN / "xtop"), 1)
    return subprocess.run(["sh", "-c", words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_file_is_read_and_another_written(redirection: str, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    done = shell(f"xtop snapshot -r {PCAP} -o {output} {redirection}")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(output.read_text())["totals"]["packets"] > 0


@pytest.mark.parametrize("command", [f"snapshot -r {PCAP}", "doctor"])
def test_what_was_asked_for_cannot_be_said(command: str) -> None:
    done = shell(f"xtop {command} >&-")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("xtop: error: ")


ANSWERS = [
    "--help",
    "--version",
    "snapshot --help",
    "doctor",
    "doctor --help",
    "tune -i lo",
    "tune --help",
    "bench --help",
]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ANSWERS)
def test_an_answer_that_finds_no_room_is_a_failure(
    command: str, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    done = shell(f"xtop {command} >/dev/full")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("xtop: error: ")
    assert "No space left on device; free some space)" in done.stderr or command.startswith("bench")


@pytest.mark.parametrize("command", ANSWERS)
def test_an_answer_that_nobody_reads_ends_quietly(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        words = [str(BIN / "xtop"), *command.split()]
        done = subprocess.run(words, stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_figure_that_finds_no_room_is_a_failure() -> None:
    done = shell("xtop bench --packets 1000 --flows 10 --repeat 1 --json >/dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("xtop: error: cannot write the answer")


@pytest.mark.parametrize(
    "options",
    [
        "-o - >>FILE",
        "-o /dev/stdout >>FILE",
        "-o /dev/fd/1 >>FILE",
        "-o /proc/self/fd/1 --overwrite >>FILE",
        "-o /dev/stderr 2>>FILE",
        "-o /dev/fd/7 7>>FILE",
    ],
)
@pytest.mark.parametrize("command", ["snapshot --format ipfix", "record"])
def test_what_is_open_already_is_written_on(command: str, options: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.write_bytes(b"before")
    done = shell(f"xtop {command} -r {PCAP} {options.replace('FILE', str(output))}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = output.read_bytes()
    assert written[:8] == b"before" + (10).to_bytes(2, "big")  # IPFIX, RFC 7011 3.1
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_is_one_place_whatever_its_name(name: str) -> None:
    done = shell(f"xtop record -r {PCAP} -o - --ipfix file:{name}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot export to standard output twice" in done.stderr


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "text", "parquet", "ipfix"])
def test_a_snapshot_that_finds_no_room_is_a_failure(format: str) -> None:
    done = shell(f"xtop snapshot -r {PCAP} --format {format} >/dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "xtop: error: cannot write standard output (No space left on device; free some space)\n",
    )


def test_a_complaint_that_finds_no_room_leaves_the_code() -> None:
    assert shell("xtop snapshot 2>/dev/full").returncode == 2
    assert shell("xtop snapshot -r /dev/null 2>/dev/full").returncode == 1


@pytest.mark.parametrize("place", ["full", "closed"])
def test_a_record_outlives_its_status_line(place: str, tmp_path: Path) -> None:
    ends = (b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02")
    frames = [Frame(datagram(source), at * 1_000_000_000) for at, source in enumerate(ends)]
    capture, output = write_pcap(tmp_path / "second.pcap", frames), tmp_path / "out.ipfix"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed, Path("/dev/full").open("wb") as full:
        words = f"{BIN}/xtop record --realtime --every 0.05 -r {capture} -o {output}".split()
        done = subprocess.run(words, stderr=full if place == "full" else closed, timeout=60, check=False)
    assert done.returncode == 0
    assert all(end in output.read_bytes() for end in ends)


def datagram(source: bytes) -> bytes:
    """An empty UDP datagram over IPv4 over Ethernet."""
    ip = bytes.fromhex("4500001c0000000040110000") + source + bytes((10, 0, 0, 9))
    return bytes(12) + b"\x08\x00" + ip + bytes.fromhex("0001000200080000")
