# SPDX-License-Identifier: BSD-2-Clause
"""A terminal that shows colours and moves as characters: no screen is drawn on it, and nothing is captured."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_attach import capture_with
from tests.terminal.test_tmux import XTOP

CAPTURE = Path(__file__).parents[1] / "scenarios" / "pcaps" / "iphone.pcap"


@pytest.mark.parametrize(("term", "name"), [("TERM=dumb", "dumb"), ("-u TERM", "not set"), ("TERM=", "not set")])
def test_it_is_refused(open_terminal: OpenTerminal, term: str, name: str) -> None:
    terminal = open_terminal(80, 24)
    seed = str(1_600_000_000 + os.getpid())
    for command in (f"demo --in-process --seed {seed}", f"-r {CAPTURE}", "attach"):
        (terminal.directory / "after").unlink(missing_ok=True)
        terminal.run(f"env {term} {XTOP} {command} 2>said")
        assert terminal.wait_exit() == 2
        said = (terminal.directory / "said").read_text()
        assert said.startswith(f"xtop: error: the screen needs a terminal that places text (TERM is {name}; set it to ")
        assert "xtop snapshot --format text" in said
        assert said.count("\n") == 1
        terminal.assert_sane()
    assert not capture_with(seed)


def test_a_snapshot_needs_none_that_places_text(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 24)
    terminal.run(f"env TERM=dumb {XTOP} snapshot -r {CAPTURE} -o out.json")
    assert terminal.wait_exit() == 0
    assert json.loads((terminal.directory / "out.json").read_text())["flows"]


def test_a_file_at_its_end_is_said_to_have_the_flows_that_are_listed(open_terminal: OpenTerminal) -> None:
    """50 of them live there; the table lists those that ended, too."""
    terminal = open_terminal(80, 24)
    terminal.run(f"{XTOP} -r {CAPTURE}")
    terminal.wait_for("ended")
    terminal.wait_for("of 53 ─")
    assert "53   flows" in terminal.lines()[0]
    terminal.press("q")
    assert terminal.wait_exit() == 0
