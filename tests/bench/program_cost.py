# SPDX-License-Identifier: BSD-2-Clause
"""What a program costs from its start to its end: CPU time and memory, its children included, as wait4(2) tells."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STARTER = Path(__file__).with_name("start_and_wait.py")


@dataclass(frozen=True)
class Cost:
    """Of one run. ``memory`` is the most that one of its processes held, shared pages included."""

    cpu: float  # seconds, user and system
    memory: float  # MB
    wall: float  # seconds


def run(command: Sequence[str | Path], stdin: Path, output: Path) -> Cost:
    """Run a program to its end; what it says goes into ``output``."""
    starter = [sys.executable, "-I", "-S", str(STARTER), str(output), str(stdin)]
    done = subprocess.run([*starter, *map(str, command)], check=True, capture_output=True, text=True)
    cpu, memory, wall, code = done.stdout.split()
    if code != "0":
        words = output.read_bytes()[-400:].decode(errors="replace")
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {code}: {words}")
    return Cost(float(cpu), float(memory) * 1024 / 1e6, float(wall))


@dataclass(frozen=True)
class Spread:
    """Of the same figure in several runs."""

    least: float
    median: float
    most: float

    def text(self, digits: int) -> str:
        """Return the median, and the others behind it."""
        return f"{self.median:.{digits}f} ({self.least:.{digits}f}-{self.most:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Return least, median and most."""
    return Spread(min(values), statistics.median(values), max(values))
