# SPDX-License-Identifier: BSD-2-Clause
"""The operator's minute, at both ends of the usual sizes: find it, look at it, keep it, look back, leave."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_tmux import (
    XTOP,
    export_to,
    is_snapshot,
    quit_and_check,
    rows_with_flows,
    sorted_by,
    wait_for_flows,
)
from tests.terminal.tmux_terminal import TmuxTerminal

ROW = re.compile(
    r"(\d+\.\d+\.\d+\.\d+) +(\d+) [→↔] (\d+\.\d+\.\d+\.\d+) +(\d+) TCP"
    r" +([\d.]+) +(bit/s|[kMG]bit/s) +([\d.]+) ?([kMG]?)"
)
FACTOR = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def shown_rows(terminal: TmuxTerminal) -> list[tuple[str, str, str, str, float, float]]:
    """Addresses, ports, bits and packets per second of each row that is seen."""
    rows = [ROW.search(line) for line in rows_with_flows(terminal)]
    return [
        (*row.groups()[:4], float(row[5]) * FACTOR[row[6].removesuffix("bit/s")], float(row[7]) * FACTOR[row[8]])
        for row in rows
        if row is not None
    ]


def steady_rows(terminal: TmuxTerminal) -> list[tuple[str, str, str, str, float, float]]:
    """The rows of a held screen, once two looks in a row are the same: a frame may come in pieces."""
    looks = [shown_rows(terminal)]

    def same() -> bool:
        looks.append(shown_rows(terminal))
        return looks[-1] == looks[-2] != []

    terminal.wait_until(same, "the rows to stand still")
    return looks[-1]


def check_file_against_screen(rows: list[tuple[str, str, str, str, float, float]], snapshot: dict[str, Any]) -> None:
    """The file holds what stood on the screen: the same flows in the same order, with the same figures."""
    assert len(rows) >= 3
    for row, flow in zip(rows, snapshot["flows"], strict=False):
        source, source_port, destination, destination_port, bps, pps = row
        assert (flow["source"], flow["destination"]) == (source, destination)
        assert (flow["source_port"], flow["destination_port"]) == (int(source_port), int(destination_port))
        assert flow["protocol_name"] == "TCP"
        assert flow["bps"] == pytest.approx(bps, rel=0.006, abs=0.006), "three significant digits"
        assert flow["pps"] == pytest.approx(pps, rel=0.006, abs=0.006)


def narrow_down(terminal: TmuxTerminal) -> None:
    """Filter, then sort by packets."""
    terminal.type("/")
    terminal.wait_for("⏎ keeps")
    terminal.type("tcp and ip")
    terminal.wait_for("filter tcp and ip")
    terminal.press("Enter")
    terminal.wait_without("⏎ keeps")
    terminal.wait_until(
        lambda: len(rows_with_flows(terminal)) == len(shown_rows(terminal)) >= 3, "TCP over IPv4 alone, all of it"
    )
    before = sorted_by(terminal)[1]
    terminal.press("s")
    terminal.wait_until(lambda: sorted_by(terminal)[1] > before, "the packets to sort by")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_the_operators_minute(open_terminal: OpenTerminal, directory: Path, columns: int, rows: int) -> None:
    terminal, path = open_terminal(columns, rows), directory / "kept.json"
    # What the environment says of the size is that of the start: the screen goes by the terminal.
    homes = f"XDG_STATE_HOME={directory} XDG_CONFIG_HOME={directory}"
    terminal.run(f"COLUMNS={columns} LINES={rows} {homes} {XTOP} demo")
    wait_for_flows(terminal)
    narrow_down(terminal)

    terminal.press("p")
    terminal.wait_for("paused")
    held = steady_rows(terminal)
    export_to(terminal, path)
    terminal.wait_until(lambda: is_snapshot(path), "the exported file")
    terminal.wait_for("kept.json")
    check_file_against_screen(held, json.loads(path.read_text(encoding="utf-8")))

    terminal.press("Down")
    terminal.press("Enter")
    terminal.wait_for("first seen")
    terminal.wait_for(f"{held[0][0]}:{held[0][1]}")
    terminal.press("Escape")
    terminal.wait_for("Source")
    terminal.wait_until(lambda: shown_rows(terminal) == held, "the same rows as before")

    terminal.press("p")
    terminal.wait_for("live")
    terminal.press("[")
    terminal.wait_for("past −")
    terminal.press("p")
    terminal.wait_for("live")

    terminal.resize(60, 15)
    terminal.wait_until(lambda: len(terminal.lines()) <= 15 and "quit" in terminal.lines()[-1], "the smallest screen")
    wait_for_flows(terminal, 2)
    terminal.resize(columns, rows)
    terminal.wait_until(lambda: len(shown_rows(terminal)) >= len(held) - 2, "the screen of before")
    quit_and_check(terminal)
