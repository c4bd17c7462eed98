# SPDX-License-Identifier: BSD-2-Clause
"""``--ipfix`` beside the screen: what the screen showed is in the file when it is left."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.collectors.seen_flows import of_tshark
from tests.terminal.conftest import OpenTerminal

XTOP = Path(sys.executable).parent / "xtop"
CAPTURE = Path(__file__).parents[1] / "scenarios" / "pcaps" / "iphone.pcap"


def test_flows_are_exported_beside_the_screen(open_terminal: OpenTerminal, tmp_path: Path) -> None:
    file = tmp_path / "f.ipfix"
    terminal = open_terminal(160, 30)
    terminal.run(f"{XTOP} -r {CAPTURE} --ipfix file:{file}")
    terminal.wait_for("■ ended")
    terminal.press("q")
    assert terminal.wait_exit() == 0
    terminal.assert_sane()
    assert of_tshark(file).total() == 53
