# SPDX-License-Identifier: BSD-2-Clause
"""`xtop demo` takes the options of `xtop -i`: its link is captured as asked, and what was shown last is in the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_attach import capture_with
from tests.terminal.test_tmux import XTOP, check_snapshot, quit_and_check, wait_for_flows
from tests.terminal.tmux_terminal import TmuxTerminal

SEED = 1_200_000_000 + os.getpid()


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("the demo's link needs root (run: sudo make test)")


def shown(terminal: TmuxTerminal, *options: str) -> dict[str, Any]:
    """The last snapshot of a demo that showed flows."""
    file = terminal.directory / "last.json"
    terminal.run(f"{XTOP} demo {' '.join(options)} -o {file}")
    wait_for_flows(terminal)
    quit_and_check(terminal)
    (terminal.directory / "after").unlink()  # room for another command's
    snapshot: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    check_snapshot(snapshot)
    return snapshot


@pytest.mark.parametrize(
    ("options", "capture", "mode"),
    [
        ((), "af_xdp", "native"),
        (("--capture", "af_xdp"), "af_xdp", "native"),
        (("-S",), "af_xdp", "generic"),
        (("--capture", "ebpf"), "ebpf", None),
        (("--capture", "af_packet"), "af_packet", None),
    ],
)
def test_the_link_is_captured_as_asked(
    root: None, open_terminal: OpenTerminal, options: tuple[str, ...], capture: str, mode: str | None
) -> None:
    snapshot = shown(open_terminal(120, 36), *options)
    source = snapshot["source"]
    assert (source["kind"], source["name"]) == ("interface", "xtop-demo1")
    assert (source["capture"], source["xdp_mode"]) == (capture, mode)


def test_the_link_has_its_queue_on_the_cpu_that_was_named(root: None, open_terminal: OpenTerminal) -> None:
    cpu = max(os.sched_getaffinity(0))
    snapshot = shown(open_terminal(120, 36), "-q", "0", "-t", "1", "--cpus", str(cpu), "--filter", "tcp")
    assert [(queue["queue"], queue["cpu"]) for queue in snapshot["queues"]] == [(0, cpu)]
    assert {flow["protocol_name"] for flow in snapshot["flows"]} == {"TCP"}
    assert snapshot["accounting"]["filtered"] > 0


def test_what_was_asked_of_the_link_is_not_replaced(root: None, open_terminal: OpenTerminal) -> None:
    """A veth has no zero copy; without a word of it the demo would begin as it can."""
    terminal = open_terminal(120, 36)
    terminal.run(f"{XTOP} demo -z")
    assert terminal.wait_exit() == 2
    assert "xtop: error: " in terminal.text()


def test_what_is_generated_in_process_is_captured_as_asked(open_terminal: OpenTerminal) -> None:
    terminal, file = open_terminal(120, 36), "last.json"
    options = ["--sample", "4", "--filter", "tcp", "--dedup", "--no-decap", "--byte-histogram"]
    terminal.run(f"{XTOP} demo --in-process --seed {SEED} {' '.join(options)} -o {file}")
    wait_for_flows(terminal)
    (capture,) = capture_with(str(SEED))
    words = Path(f"/proc/{capture}/cmdline").read_text().split("\0")
    assert {"--demo", "--sample", "--filter", "--dedup", "--no-decap", "--byte-histogram"} <= set(words)
    quit_and_check(terminal)
    snapshot = json.loads((terminal.directory / file).read_text(encoding="utf-8"))
    terms = snapshot["accounting"]
    assert terms["received"] - terms["sampled_out"] == -(-terms["received"] // 4)
    assert terms["filtered"] > 0
    assert {flow["protocol_name"] for flow in snapshot["flows"]} == {"TCP"}
    assert any(flow["forward"]["byte_histogram"] for flow in snapshot["flows"])


def test_the_last_snapshot_bears_other_addresses(open_terminal: OpenTerminal) -> None:
    terminal, sources = open_terminal(120, 36), []
    for options in ((), ("--anonymize", "--overwrite")):
        snapshot = shown(terminal, "--in-process", "--seed", str(SEED), *options)
        sources.append({flow["source"] for flow in snapshot["flows"]})
    plain, other = sources
    assert plain
    assert other
    assert not plain & other
