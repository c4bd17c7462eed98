# SPDX-License-Identifier: BSD-2-Clause
"""A capture that somebody stopped (SIGSTOP) goes with its owner, however that ends, and hands out what it saw."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from xtop.machine_files import MachineFiles
from xtop.running_captures import running_captures

from .conftest import Link, program, wait_until
from .test_kill import MODES, SEEN, attached, left_behind
from .test_sandbox import seen
from .test_store import moments
from .test_viewers import view

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
PATIENCE_S = 40.0


@contextmanager
def owner_of(link: Link, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running xtop in the link's namespace; nothing of it outlives the test, stopped or not."""
    owner = subprocess.Popen(link.command(program("xtop"), *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield owner
    finally:
        owner.kill()
        for pid in captures(link):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        owner.communicate()


def captures(link: Link) -> list[int]:
    """The processes of captures in the namespace."""
    pids = subprocess.run(["ip", "netns", "pids", link.namespace], capture_output=True, text=True, check=True).stdout
    found = []
    for pid in map(int, pids.split()):
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "xtop-capture":
                found.append(pid)
    return found


def stop_captures(link: Link) -> None:
    """Stop them, and return once they are stopped."""
    pids = captures(link)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    states = [Path(f"/proc/{pid}/stat") for pid in pids]
    assert wait_until(lambda: all(state.read_text().rpartition(") ")[2][0] == "T" for state in states), PATIENCE_S)


@pytest.mark.parametrize("mode", ["native", "af_packet"])
def test_nothing_is_left_where_its_owner_is_killed(make_link: MakeLink, mode: str) -> None:
    link = make_link()
    with owner_of(link, "snapshot", "-i", link.captured, *MODES[mode], "--every", "1", "-o", "-") as owner:
        assert owner.stdout is not None
        assert owner.stderr is not None
        assert owner.stdout.readline(), owner.stderr.read()
        assert attached(link) == SEEN[mode], "were nothing seen here, the rest would prove nothing"
        stop_captures(link)
        owner.kill()
        assert wait_until(lambda: not left_behind(link), PATIENCE_S), left_behind(link)


def test_a_snapshot_of_so_many_seconds_ends_in_order(make_link: MakeLink) -> None:
    link = make_link()
    with owner_of(link, "snapshot", "-i", link.captured, "--capture", "af_xdp", "--duration", "5") as owner:
        with link.inside():
            assert wait_until(lambda: bool(running_captures(MachineFiles())), PATIENCE_S)
            with closing(view(*running_captures(MachineFiles()))) as viewer:
                link.send(100, "--flows", "10")
                seen(viewer, 100)
        stop_captures(link)
        out, error = owner.communicate(timeout=PATIENCE_S)
    assert (owner.returncode, error) == (0, b"")
    snapshot = json.loads(out)
    assert (snapshot["state"], snapshot["state_text"]) == ("done", "")
    assert snapshot["accounting"]["received"] == 100
    assert len(snapshot["flows"]) == 10


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_record_ends_in_order(make_link: MakeLink, tmp_path: Path, end: signal.Signals, code: int) -> None:
    link, store = make_link(), tmp_path / "store"
    with owner_of(link, "record", "-i", link.captured, "--capture", "af_xdp", "--store", str(store)) as owner:
        assert wait_until(lambda: bool(moments(store)), PATIENCE_S)
        link.send(100, "--flows", "10")
        assert wait_until(lambda: moments(store)[-1]["totals"]["packets"] == 100, PATIENCE_S)
        stop_captures(link)
        owner.send_signal(end)
        _, error = owner.communicate(timeout=PATIENCE_S)
    assert (owner.returncode, error) == (code, b"")
    last = moments(store)[-1]
    assert (last["state"], last["state_text"], last["totals"]["packets"]) == ("done", "", 100)
