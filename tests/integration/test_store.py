# SPDX-License-Identifier: BSD-2-Clause
"""``xtop record --store`` on a real link: killed at any moment, what it kept is whole and says what was sent."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xtop.store.files import open_store
from xtop.store.timeline import StoredTimeline

from .conftest import Link, program, wait_until

MakeLink = Callable[..., Link]
FRAMES, FLOWS = 10_000, 500  # fits the ring, however late we are


def moments(store: Path) -> list[dict[str, Any]]:
    """What any reader of gzip and JSON finds; the last may be torn."""
    found: list[dict[str, Any]] = []
    for file in sorted(store.glob("*.gz")):
        try:
            with gzip.open(file) as lines:
                found += map(json.loads, lines)
        except (EOFError, OSError, ValueError):
            pass
    return found


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--anonymize",)])
def test_what_was_sent_is_in_the_store(
    make_link: MakeLink, tmp_path: Path, end: signal.Signals, options: tuple[str, ...]
) -> None:
    link, store = make_link(), tmp_path / "store"
    command = [program("xtop"), "record", "-i", link.captured, "--store", str(store), "-n", "0.1", *options]
    record = subprocess.Popen(link.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert wait_until(lambda: bool(moments(store)))
        link.send(FRAMES, "--flows", str(FLOWS), "--size", "100")
        assert wait_until(lambda: moments(store)[-1]["totals"]["packets"] >= FRAMES)
    finally:
        record.send_signal(end)
        _, words = record.communicate(timeout=40)
    assert (record.returncode, words) == (-signal.SIGKILL if end is signal.SIGKILL else 0, b"")
    last = moments(store)[-1]
    assert last["accounting"]["received"] + last["lost"]["total"] == FRAMES
    assert (len(last["flows"]), last["totals"]["flows_live"]) == (200, FLOWS)
    assert {flow["bytes"] // flow["packets"] for flow in last["flows"]} == {100 - 14}
    assert ("198.51.100.1" in {flow["destination"] for flow in last["flows"]}) is not bool(options)
    frame = StoredTimeline(open_store(store)[0]).at(1 << 63)
    assert frame is not None
    assert [flow.bytes for flow in frame.snapshot.flows] == [flow["bytes"] for flow in last["flows"]]
    assert wait_until(lambda: link.xdp_program() == 0)
