# SPDX-License-Identifier: BSD-2-Clause
"""A bench that is killed leaves no process behind, and no network namespace: those of its programs end with them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import wait_until

PATIENCE_S = 40.0
LIVE = "from tests.bench.live_run import Traffic, live_run; live_run(Traffic(10**12, 1000), '-N', '-c')"
BENCHES = {
    "live": ([sys.executable, "-c", LIVE], "xtop-traffic"),
    "screen": ([sys.executable, "-m", "tests.bench.screen", "--flows", "1000"], "xtop-capture"),
}


def descendants(pid: int) -> set[int]:
    """All that the process started, and what they did; those that are gone meanwhile are none."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                found |= {child} | descendants(child)
    return found


def name(pid: int) -> str:
    """What runs; nothing where it is over."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return "" if text.rpartition(") ")[2].startswith(("Z", "X")) else text.partition("(")[2].rpartition(")")[0]


@pytest.mark.parametrize("bench", BENCHES)
def test_nothing_is_left_of_a_killed_bench(root: None, bench: str) -> None:
    command, last = BENCHES[bench]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: last in map(name, descendants(process.pid)), PATIENCE_S)
            started = descendants(process.pid)
        finally:
            process.kill()
    assert wait_until(lambda: not any(map(name, started)), PATIENCE_S), [name(pid) for pid in started]
    named = os.listdir("/run/netns") if Path("/run/netns").is_dir() else []
    assert not [one for one in named if str(process.pid) in one]
