# SPDX-License-Identifier: BSD-2-Clause
"""``xtop replay`` in a terminal, over moments that ``xtop record`` kept of a file replayed at its own pace."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path

from tests.terminal.conftest import OpenTerminal
from tests.terminal.test_tmux import XTOP
from tests.terminal.tmux_terminal import TmuxTerminal
from xtop.store.files import open_store
from xtop.units import NANOSECONDS

CAPTURE = Path(__file__).parents[1] / "scenarios" / "pcaps" / "iphone.pcap"  # 48 s, of which some are enough


def recorded(store: Path, terminal: TmuxTerminal) -> list[int]:
    """Record more than 20 moments; return their times, ns."""
    record = subprocess.Popen([XTOP, "record", "-r", CAPTURE, "--realtime", "--store", store, "-n", "0.2"])
    try:
        terminal.wait_until(lambda: store.is_dir() and any(store.iterdir()) and len(open_store(store)[0]) > 20, "20")
    finally:
        record.terminate()
        assert record.wait(40) == 0
    return [entry.header.taken_at for entry in open_store(store)[0]]


def test_a_recorded_incident_is_gone_through(open_terminal: OpenTerminal, directory: Path) -> None:
    store = directory / "store"
    terminal = open_terminal(120, 36)
    times = recorded(store, terminal)
    terminal.run(f"{XTOP} replay store")
    terminal.wait_for("recorded from")
    for back in (1, 2, 3):
        terminal.press("[")
        moment = datetime.fromtimestamp(times[-1 - back] // NANOSECONDS)
        terminal.wait_for(f"the screen of {moment:%H:%M:%S}")
    terminal.press("{")  # a minute is more than there is
    terminal.wait_for(f"the screen of {datetime.fromtimestamp(times[0] // NANOSECONDS):%H:%M:%S}")
    terminal.press("p")
    terminal.wait_for("recorded from")
    terminal.type("/udp")
    terminal.press("Enter")
    terminal.wait_for("filter udp")
    terminal.type("e")
    terminal.wait_for("Path")
    terminal.press("C-u")
    terminal.type("out.json")
    terminal.press("Enter")
    terminal.wait_until((directory / "out.json").exists, "the file")
    flows = json.loads((directory / "out.json").read_text())["flows"]
    assert flows
    assert {flow["protocol_name"] for flow in flows} == {"UDP"}
    terminal.press("q")
    assert terminal.wait_exit() == 0
    terminal.assert_sane()


def test_it_begins_at_the_moment_that_is_asked_for(open_terminal: OpenTerminal, directory: Path) -> None:
    terminal = open_terminal(120, 36)
    times = recorded(directory / "store", terminal)
    asked = times[12] // NANOSECONDS
    before = next(time for time in reversed(times) if time <= asked * NANOSECONDS)
    for at, shown in ((f"{datetime.fromtimestamp(asked):%Y-%m-%dT%H:%M:%S}", before), ("2001-01-31", times[0])):
        terminal.run(f"{XTOP} replay store --at {at}")
        terminal.wait_for(f"the screen of {datetime.fromtimestamp(shown // NANOSECONDS):%H:%M:%S}")
        terminal.wait_for("UDP")
        terminal.press("q")
        assert terminal.wait_exit() == 0
