# SPDX-License-Identifier: BSD-2-Clause
"""The screen as its user has it: in a terminal, by its keys. What is read is what stands there."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.conftest import OpenTerminal
from tests.terminal.tmux_terminal import TmuxTerminal

XTOP = Path(sys.executable).parent / "xtop"
SCENARIOS = Path(__file__).parents[1] / "scenarios"
ADDRESS = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|\b[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]{1,4}\b")
SIZES = [(80, 24), (120, 36)]

Condition = Callable[[], bool]


def rows_with_flows(terminal: TmuxTerminal) -> list[str]:
    """Lines that show a flow: two addresses."""
    return [line for line in terminal.lines() if len(ADDRESS.findall(line)) >= 2]


def wait_for_flows(terminal: TmuxTerminal, rows: int = 3) -> None:
    terminal.wait_until(lambda: len(rows_with_flows(terminal)) >= rows, f"{rows} flows")


def sorted_by(terminal: TmuxTerminal) -> tuple[str, int]:
    """Where the table says it is sorted: the mark and its column on the screen."""
    for line in terminal.lines():
        for mark in "▼▲":
            if mark in line and "Source" in line:
                return mark, line.index(mark)
    return "", -1


@pytest.fixture(params=SIZES, ids=[f"{columns}x{rows}" for columns, rows in SIZES])
def demo(request: pytest.FixtureRequest, open_terminal: OpenTerminal) -> TmuxTerminal:
    """A terminal with `xtop demo` in it and flows on the screen."""
    terminal = open_terminal(*request.param)
    terminal.run(f"{XTOP} demo")
    wait_for_flows(terminal)
    return terminal


def quit_and_check(terminal: TmuxTerminal) -> None:
    terminal.press("q")
    assert terminal.wait_exit() == 0
    terminal.assert_sane()
    assert "Traceback" not in terminal.text()


def test_the_first_look(demo: TmuxTerminal) -> None:
    demo.wait_for("live")
    demo.wait_until(lambda: "quit" in demo.lines()[-1], "the key line")
    first = demo.lines()[0]
    assert "lost" in first
    assert "0x" not in demo.text()
    quit_and_check(demo)


def test_sort_and_reverse(demo: TmuxTerminal) -> None:
    before = sorted_by(demo)
    assert before[0]
    demo.press("s")
    demo.wait_until(lambda: sorted_by(demo)[1] not in (-1, before[1]), "another column to sort by")
    mark = sorted_by(demo)[0]
    demo.press("S")
    demo.wait_until(lambda: sorted_by(demo)[0] not in ("", mark), "the order to turn")
    quit_and_check(demo)


def test_pause_holds_the_picture(demo: TmuxTerminal) -> None:
    demo.press("p")
    demo.wait_for("paused")
    demo.press("p")
    demo.wait_without("paused")
    demo.wait_for("live")
    quit_and_check(demo)


def test_help_opens_and_closes(demo: TmuxTerminal) -> None:
    demo.press("?")
    demo.wait_for("this page")
    demo.press("Escape")
    demo.wait_without("this page")
    wait_for_flows(demo)
    quit_and_check(demo)


def is_snapshot(path: Path) -> bool:
    """Whether a whole snapshot is there (an export is renamed into place, never half there)."""
    return path.exists() and json.loads(path.read_text(encoding="utf-8"))["schema"] == "xtop.snapshot/1"


def export_to(terminal: TmuxTerminal, path: Path) -> None:
    terminal.press("e")
    terminal.wait_for("Export")
    terminal.press("C-u")
    terminal.type(str(path))  # at once: a key that is bound must not act behind what is typed after it
    terminal.wait_for(path.name)
    terminal.press("Enter")


def check_snapshot(snapshot: dict[str, Any]) -> None:
    accounting = dict(snapshot["accounting"])
    assert accounting.pop("received") == sum(accounting.values())
    assert len(snapshot["flows"]) > 0
    for flow in snapshot["flows"]:
        assert flow["packets"] == flow["forward"]["packets"] + flow["reverse"]["packets"] > 0
    assert {
        "taken_at",
        "interval_s",
        "source",
        "totals",
        "lost",
        "queues",
        "histograms",
        "protocols",
    } <= snapshot.keys()


def test_export_writes_the_contracts_json(demo: TmuxTerminal, directory: Path) -> None:
    path = directory / "out.json"
    export_to(demo, path)
    demo.wait_until(lambda: is_snapshot(path), "the exported file")
    demo.wait_for("out.json")
    check_snapshot(json.loads(path.read_text(encoding="utf-8")))
    quit_and_check(demo)


def test_export_never_overwrites(demo: TmuxTerminal, directory: Path) -> None:
    path = directory / "mine.json"
    path.write_text("mine\n", encoding="utf-8")
    export_to(demo, path)
    demo.wait_for("exists")
    demo.press("Escape")  # takes the question back
    demo.wait_without("exists")
    demo.press("Escape")
    demo.wait_without("Esc leaves")
    quit_and_check(demo)
    assert path.read_text(encoding="utf-8") == "mine\n"


def clock_of(terminal: TmuxTerminal) -> str:
    """The wall clock's time of the shown screen of the past, as the banner has it."""
    found = re.search(r"the screen of (\d\d:\d\d:\d\d)", terminal.text())
    return found.group(1) if found else ""


def test_detail_and_time_travel(demo: TmuxTerminal) -> None:
    seen: set[str] = set()

    def several_snapshots() -> bool:
        seen.add(demo.lines()[0])
        return len(seen) >= 5

    demo.wait_until(several_snapshots, "several snapshots to go back over")
    demo.press("Down")
    demo.press("Enter")
    demo.wait_for("first seen")
    ends = next(line for line in demo.lines() if "↔" in line or "→" in line)
    assert len(ADDRESS.findall(ends)) == 2
    demo.press("End")
    demo.wait_for("tcpdump")
    demo.press("[")
    demo.wait_for("past −")
    first = clock_of(demo)
    demo.press("[")
    demo.wait_until(lambda: clock_of(demo) not in ("", first), "an earlier moment")
    assert clock_of(demo) < first or first < "00:00:30", "back is back, midnight aside"
    demo.press("Escape")
    demo.wait_for("Source")
    assert "past −" in demo.lines()[0], "the table is of the same moment"
    held = rows_with_flows(demo)
    demo.press("]")
    demo.wait_until(lambda: clock_of(demo) == first, "the moment before")
    assert rows_with_flows(demo) != held
    demo.press("p")
    demo.wait_for("live")
    quit_and_check(demo)


def test_the_screen_is_no_error_output(open_terminal: OpenTerminal, directory: Path) -> None:
    terminal = open_terminal(80, 24)
    terminal.run(f"{XTOP} demo 2>{directory / 'errors'}")
    wait_for_flows(terminal)
    quit_and_check(terminal)
    assert (directory / "errors").read_bytes() == b""


def test_the_window_may_take_any_size(demo: TmuxTerminal) -> None:
    for columns, rows in ((59, 14), (20, 5), (200, 60), (80, 24)):
        demo.resize(columns, rows)
        demo.wait_until(lambda rows=rows: len(demo.lines()) <= rows, "the new size")  # type: ignore[misc]
        assert "Traceback" not in demo.text()
    wait_for_flows(demo)
    quit_and_check(demo)


def test_a_filter_is_typed_mistaken_kept_and_remembered(open_terminal: OpenTerminal, directory: Path) -> None:
    """The operator's way: narrow a file down to DNS, see a slip, put it right, and find it again in the next run."""
    command = f"XDG_STATE_HOME={directory} {XTOP} -r {SCENARIOS / 'pcaps' / 'tls_certificate_too_long.pcap'}"
    terminal = open_terminal(80, 24)
    terminal.run(command)
    wait_for_flows(terminal)
    terminal.type("/")
    terminal.wait_for("⏎ keeps")
    terminal.type("udp and prot 53")
    terminal.wait_for("did you mean proto?")
    lines = terminal.lines()
    marked = next(number for number, line in enumerate(lines) if "▔" in line)
    start = lines[marked].index("▔")
    assert lines[marked - 1][start : start + 4] == "prot"
    terminal.wait_for("filter udp ")
    for _ in "prot 53":
        terminal.press("BSpace")
    terminal.type("port 53")
    terminal.wait_for("filter udp and port 53")
    terminal.press("Enter")
    terminal.wait_without("⏎ keeps")
    terminal.wait_until(lambda: all(" UDP " in line for line in rows_with_flows(terminal)), "UDP alone")
    terminal.wait_until(lambda: (directory / "xtop" / "filters").exists(), "the history")
    quit_and_check(terminal)
    (directory / "after").unlink()
    terminal.run(command)
    wait_for_flows(terminal)
    terminal.type("/")
    terminal.wait_for("⏎ keeps")
    terminal.wait_until(lambda: pressed_up(terminal), "the filter of the run before")
    terminal.press("Escape")
    terminal.wait_without("filter udp")
    quit_and_check(terminal)


def pressed_up(terminal: TmuxTerminal) -> bool:
    """Ask for the filter before: the list comes on a thread, so that it may take another press."""
    terminal.press("Up")
    return "filter udp and port 53" in terminal.text()


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_file_shows_its_greatest_flow(open_terminal: OpenTerminal, columns: int, rows: int) -> None:
    expectation = json.loads((SCENARIOS / "expected" / "zoom.pcap.json").read_text(encoding="utf-8"))
    greatest = max(expectation["flows"], key=flow_bytes)
    terminal = open_terminal(columns, rows)
    terminal.run(f"{XTOP} -r {SCENARIOS / 'pcaps' / 'zoom.pcap'}")
    wait_for_flows(terminal)
    for address, _ in greatest["ends"]:
        terminal.wait_for(address)
    terminal.wait_for("ended")
    assert "fault" not in terminal.text()
    quit_and_check(terminal)


def flow_bytes(flow: dict[str, Any]) -> int:
    return sum(side["bytes"] for entry in flow["entries"] for side in entry["sent"] if side)


def test_a_missing_file_leaves_one_line_and_no_screen(open_terminal: OpenTerminal, directory: Path) -> None:
    terminal = open_terminal(120, 36)
    terminal.run(f"{XTOP} -r {directory / 'absent.pcap'}")
    assert terminal.wait_exit() in (1, 2)
    terminal.assert_sane()
    terminal.wait_for("xtop: error: ")
    assert "Traceback" not in terminal.text()
