# SPDX-License-Identifier: BSD-2-Clause
"""What reading a great flow table costs, the second half of ``make bench``: a look at the 200 greatest of all flows, a
screen that takes one each second, and the worker whose flows they are. ``build/native-tests`` must be there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import reader_cost
from tests.bench.program_cost import Spread

LOOK_TIMING = Path("build/native-tests/tests/native/look_timing")
LOOKS = 9  # of each kind
PAIRS = 8  # of windows of two seconds, the worker alone and looked at
SCREEN_S = 20
KIND = re.compile(r"(?P<kind>.+?) +\d+ matched +median +(\S+) ms +least +(\S+) ms +most +(\S+) ms")


@dataclass(frozen=True)
class Flows:
    """A flow table to look at."""

    name: str
    flows: int
    queues: int = 1
    directions: int = 1  # 2: the two directions of a flow come by queues of their own
    only: str = ""  # kinds of looks, by a part of their names; all


TABLES = (
    Flows("1,000,000 flows, one queue", 1_000_000),
    Flows("the same, four queues", 1_000_000, 4),
    Flows("the same, a queue for each direction", 1_000_000, 4, 2),
    Flows("8,000,000 flows, one queue", 8_000_000, only="one flow in"),
)


@dataclass(frozen=True)
class Looks:
    """What looks at one table take, by kind; ms on the clock."""

    table: Flows
    took: dict[str, Spread]


def looks(table: Flows) -> Looks:
    """Time looks of each kind at one table."""
    numbers = [str(number) for number in (table.flows, LOOKS, table.queues, table.directions)]
    command = [str(LOOK_TIMING), *numbers, *([table.only] if table.only else [])]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [match for line in said.splitlines() if (match := KIND.fullmatch(line))]
    return Looks(table, {match["kind"]: Spread(float(match[3]), float(match[2]), float(match[4])) for match in found})


def screen() -> dict[str, Any]:
    """Return what the screen itself costs over 1,000,000 flows (tests.bench.screen says how), a process of its own."""
    command = [sys.executable, "-m", "tests.bench.screen", "--seconds", str(SCREEN_S)]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


@dataclass(frozen=True)
class Reading:
    """All of it."""

    looks: tuple[Looks, ...]
    worker: dict[str, Any]  # tests.bench.reader_cost
    screen: dict[str, Any]


def measure() -> Reading:
    """Measure all of it."""
    return Reading(tuple(map(looks, TABLES)), reader_cost.measure(1_000_000, PAIRS, 2), screen())


def lines(reading: Reading) -> Iterator[str]:
    """Yield it in Markdown: medians of looks, by kind and table, and what goes on beside them."""
    names = [looked.table.name for looked in reading.looks]
    yield f"| a look at the 200 greatest, ms; which flows had a packet since | {' | '.join(names)} |"
    yield f"| --- |{' ---: |' * len(names)}"
    for kind in reading.looks[0].took:
        took = (looked.took.get(kind) for looked in reading.looks)
        yield f"| {kind} | {' | '.join(f'{spread.median:.1f}' if spread else '' for spread in took)} |"
    worker, screen = reading.worker, reading.screen
    yield ""
    yield "| 1,000,000 live flows, a look a second | |"
    yield "| --- | ---: |"
    yield f"| the worker's CPU time a packet, of that alone | {Spread(**worker['ratio']).text(3)} |"
    yield f"| the screen's process, 120x36: of a core | {screen['cpu_percent']} % |"
    yield f"| its memory, at most | {screen['resident_most_mb']:.0f} MB |"
    yield f"| what it sends to the terminal | {screen['bytes_per_second'] / 1000:.1f} kB/s |"
    yield f"| from the last key of a filter to what it leaves | {screen['filter_key_to_shown_ms']} ms |"
    yield f"| from `q` to its end | {screen['quit_ms']} ms |"
