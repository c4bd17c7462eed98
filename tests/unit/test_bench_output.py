# SPDX-License-Identifier: BSD-2-Clause
"""What ``xtop-bench`` prints: keys and arithmetic. How fast it is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(sys.executable).parent / "xtop-bench"
KEYS = {
    "mpps",
    "ns_per_packet",
    "stages",
    "flows",
    "bytes_per_flow",
    "floor_ns_per_packet",
    "cpu",
    "packets",
    "repeat",
    "size",
    "instructions",
}

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason="xtop-bench is not built (run: make build)")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=60, check=False)


def figures(*arguments: str) -> dict[str, Any]:
    done = bench("--json", "--repeat", "2", *arguments)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize("more", [(), ("--zipf", "1.0"), ("--new-flow-ratio", "0.1"), ("--size", "1500"), ("--ipv6",)])
def test_object_is_whole_and_adds_up(more: tuple[str, ...]) -> None:
    result = figures("--flows", "4000", "--packets", "40000", *more)
    assert set(result) == KEYS
    assert set(result["stages"]) == {"parse", "hash", "lookup", "update"}
    assert all(value >= 0 for value in result["stages"].values())
    assert result["mpps"] * result["ns_per_packet"] == pytest.approx(1000, rel=0.01)
    assert 256 <= result["bytes_per_flow"] <= (272.5 if "--new-flow-ratio" in more else 272)
    assert result["floor_ns_per_packet"] > 0
    assert result["cpu"]
    assert (result["flows"], result["packets"], result["repeat"]) == (4000, 40000, 2)
    assert result["size"] == (1500 if "--size" in more else 64)


def test_capture_file_brings_its_own_flows() -> None:
    files = sorted((Path(__file__).parents[1] / "scenarios" / "pcaps").rglob("*.pcap"))
    result = figures("--pcap", str(files[0]))
    assert set(result) == KEYS
    assert result["flows"] >= 1
    assert result["packets"] >= 1


def test_table_for_people() -> None:
    done = bench("--flows", "1000", "--packets", "10000", "--repeat", "1")
    assert done.returncode == 0
    assert "Mpps" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--flows", "0"),
        ("--zipf", "-1"),
        ("--new-flow-ratio", "2"),
        ("--size",),
        ("--nonsense",),
        ("stray",),
        ("--pcap", "/nonexistent"),
        ("--pcap", "x.pcap", "--flows", "5"),
        ("--pcap", "x.pcap", "--ipv6"),
        ("--ipv6", "--size", "61"),
    ],
)
def test_refusals_are_one_line(arguments: tuple[str, ...]) -> None:
    done = bench(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("xtop: error: ")
    assert done.stderr.endswith(")\n")
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_capture_is_a_failure_and_one_that_is_not_there_a_request(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    whole = sorted((Path(__file__).parents[1] / "scenarios" / "pcaps").rglob("*.pcap"))[0].read_bytes()
    for content in (b"no capture", whole[:10], whole[:-1]):
        damaged.write_bytes(content)
        done = bench("--pcap", str(damaged))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"xtop: error: cannot read {damaged} (")
    for path, why in ((tmp_path / "missing", "No such file or directory"), (tmp_path, "Is a directory")):
        done = bench("--pcap", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"xtop: error: cannot open {path} ({why}; give a pcap or pcapng file)\n"


def test_help_is_an_answer_by_either_name() -> None:
    short, long = bench("-h"), bench("--help")
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == long.stdout
    assert short.stdout.startswith("usage: xtop bench")
