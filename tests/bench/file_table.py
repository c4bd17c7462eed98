# SPDX-License-Identifier: BSD-2-Clause
"""xtop beside other programs on the same captures, the first half of ``make bench``.

Each program that is installed reads each capture from the page cache, in rounds whose order turns, so that what the
machine does besides falls on all of them. Compared is CPU time, user and system, of all processes of a program: it
depends on others far less than time on the clock.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.captures import capture_of_flows, capture_of_homes, capture_of_real_traffic, warm
from tests.bench.program_cost import Cost, Spread, run, spread

BIN = Path(sys.executable).parent
XTOP = BIN / "xtop"
MEASURE = "nfpcapd"  # what the others are a share of
REAL = 1_000_000  # packets of real traffic: half a gigabyte
HOMES = 4_000_000  # of many homes at once: two gigabytes

Command = Callable[[Path, Path], list[str | Path]]  # of the capture, and a directory to write into


@dataclass(frozen=True)
class Program:
    """A row of the table. Where ``piped``, the capture is its standard input."""

    name: str
    does: str
    command: Command
    piped: bool = False


def snapshot(*options: str) -> Command:
    """xtop's snapshot of a file."""
    return lambda path, directory: [XTOP, "snapshot", "-r", path, *options, "-o", directory / "out"]


PROGRAMS = (
    Program("xtop snapshot --top 10", "the ten greatest flows as JSON", snapshot("--top", "10")),
    Program("xtop snapshot", "every flow as JSON", snapshot()),
    Program(
        "xtop record --ipfix file:",
        "every flow into an IPFIX file",
        lambda path, directory: [XTOP, "record", "-r", path, "--ipfix", f"file:{directory}/ipfix"],
    ),
    Program(
        "xtop-capture",
        "every flow in memory, no Python",
        lambda path, directory: [BIN / "xtop-capture", "--file-fd", "0"],
        piped=True,
    ),
    Program(
        "xtop-capture --drain",
        "the drain: reads packets, looks at none",
        lambda path, directory: [BIN / "xtop-capture", "--file-fd", "0", "--drain"],
        piped=True,
    ),
    Program(
        "nfpcapd", "every flow into its own file", lambda path, directory: ["nfpcapd", "-r", path, "-w", directory]
    ),
    Program(
        "softflowd",
        "flows in memory, exported to nobody",
        lambda path, directory: [
            *("softflowd", "-d", "-6", "-m", "4000000", "-p", directory / "pid", "-c", directory / "control", "-r", "-")
        ],
        piped=True,
    ),
    Program(
        "argus",
        "every flow into its own file",
        lambda path, directory: ["argus", "-X", "-r", path, "-w", directory / "out"],
    ),
    Program(
        "tcpdump",
        "writes the packets again, to nowhere",
        # As root it would give what it writes to, the device, to a user of its own.
        lambda path, directory: ["tcpdump", "-Z", "root", "-r", path, "-w", "/dev/null"],
    ),
)


CAPTURES: dict[str, tuple[str, Callable[[int], Path]]] = {  # of --packets, which the real ones do not heed
    "100000": ("100,000 flows", lambda packets: capture_of_flows(100_000, packets)),
    "1000000": ("1,000,000 flows", lambda packets: capture_of_flows(1_000_000, packets)),
    "real": ("real traffic", lambda packets: capture_of_real_traffic(REAL)),
    "homes": ("real traffic of many homes", lambda packets: capture_of_homes(HOMES)),
}


@dataclass(frozen=True)
class Row:
    """What came of one program on one capture; the floor and the flow path alone are no processes of their own."""

    name: str
    does: str
    nanoseconds: Spread  # CPU, a packet
    cpu: Spread | None = None  # seconds
    memory: float | None = None  # MB
    share: Spread | None = None  # of the measure's CPU time, in pairs of the same round


@dataclass(frozen=True)
class Table:
    """One capture."""

    capture: str
    packets: int
    flows: int
    rows: tuple[Row, ...]


def measured(programs: Iterable[Program], path: Path, rounds: int) -> dict[str, list[Cost]]:
    """Run each program once a round; the order turns."""
    programs = list(programs)
    costs: dict[str, list[Cost]] = {program.name: [] for program in programs}
    for turn in range(rounds):
        for program in programs[turn % len(programs) :] + programs[: turn % len(programs)]:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
                directory = Path(name)
                stdin = path if program.piped else Path(os.devnull)
                command = program.command(path, directory)
                costs[program.name].append(run(command, stdin, directory / "words"))
    return costs


def flow_path(path: Path, rounds: int) -> dict[str, Any]:
    """Return what `xtop bench` says of the same packets, in memory."""
    command = [XTOP, "bench", "--pcap", path, "--json", "--repeat", str(rounds)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def one(value: float) -> Spread:
    """Return a figure that is a median already."""
    return Spread(value, value, value)


def table(name: str, packets: int, rounds: int) -> Table:
    """Measure everything on one of the CAPTURES."""
    words, made = CAPTURES[name]
    path = made(packets)
    warm(path)
    bench = flow_path(path, rounds)
    packets = bench["packets"]
    rows = [
        Row("memory's floor", "two random lines a packet", one(bench["floor_ns_per_packet"])),
        Row("xtop's flow path", "packets in memory", one(bench["ns_per_packet"])),
    ]
    costs = measured(
        [program for program in PROGRAMS if shutil.which(str(program.command(path, path)[0]))], path, rounds
    )
    base = costs.get(MEASURE)
    for program in PROGRAMS:
        if not (runs := costs.get(program.name)):
            continue
        shares = [run.cpu / other.cpu for run, other in zip(runs, base, strict=True)] if base else None
        rows.append(
            Row(
                program.name,
                program.does,
                spread([run.cpu / packets * 1e9 for run in runs]),
                spread([run.cpu for run in runs]),
                max(run.memory for run in runs),
                spread(shares) if shares else None,
            )
        )
    return Table(words, packets, bench["flows"], tuple(rows))


def lines(tables: Iterable[Table]) -> Iterable[str]:
    """Yield all tables as one, in Markdown; spreads are median (least-most)."""
    yield f"| capture, program | what it does | CPU ns a packet | CPU s | of {MEASURE}'s | memory, MB |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for table in tables:
        yield f"| **{table.capture}** | {table.packets:,} packets, {table.flows:,} flows | | | | |"
        for row in table.rows:
            cpu = row.cpu.text(2) if row.cpu else ""
            share = row.share.text(3) if row.share else ""
            memory = f"{row.memory:.0f}" if row.memory else ""
            per_packet = row.nanoseconds.text(0) if row.cpu else f"{row.nanoseconds.median:.1f}"
            yield f"| {row.name} | {row.does} | {per_packet} | {cpu} | {share} | {memory} |"
