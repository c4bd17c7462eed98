# SPDX-License-Identifier: BSD-2-Clause
"""Random stacks of encapsulations and fragments: each is the one flow that was put into it, and tshark says the same.

XTOP_STACKS is how many (300), XTOP_STACKS_SEED which; ``make test-stacks`` runs some thousands.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from tests.scenarios import tshark_flows
from tests.scenarios.capture_file import START, Frame, every, write_pcap
from tests.scenarios.conftest import ReadCapture
from tests.scenarios.flow_reading import expected_flows, life_differences, snapshot_flows, sum_differences
from tests.scenarios.random_stacks import TSHARK_WALKS, Stack, differences, stacks

COUNT, SEED = int(os.environ.get("XTOP_STACKS", "300")), int(os.environ.get("XTOP_STACKS_SEED", "5"))
STEP = 20_000  # ns between frames: fragments of a datagram are waited for a second
SHOWN = 10


@pytest.fixture(scope="module")
def made() -> list[Stack]:
    return list(stacks(SEED, COUNT))


def write(path: Path, made: list[Stack]) -> Path:
    return write_pcap(path, every(STEP, [frame for one in made for frame in one.frames]))


def test_each_is_the_flow_that_was_put_into_it(made: list[Stack], tmp_path: Path, read_capture: ReadCapture) -> None:
    snapshot = read_capture(write(tmp_path / "stacks.pcap", made))
    wrong = differences(snapshot, made)
    assert not wrong, "\n".join([f"{len(wrong)} of {COUNT} are wrong", *wrong[:SHOWN]])
    frames = sum(len(one.frames) for one in made)
    assert snapshot["accounting"]["received"] == snapshot["accounting"]["accounted"] == frames
    assert snapshot["totals"]["too_deep"] == snapshot["totals"]["length_mismatch"] == 0


def test_tshark_says_the_same(tmp_path: Path, read_capture: ReadCapture) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is missing: nothing to compare with (run: sudo apt-get install tshark)")
    capture = write(tmp_path / "stacks.pcap", list(stacks(SEED, COUNT, TSHARK_WALKS)))
    wanted = json.loads(tshark_flows.as_text(tshark_flows.expect(capture)))
    seen, must = snapshot_flows(read_capture(capture)), expected_flows(wanted)
    wrong = sum_differences(seen, must) + life_differences(seen, must)
    assert not wrong, "\n".join([f"{len(wrong)} differ", *wrong[:SHOWN]])


def test_cut_anywhere_each_is_counted_once(made: list[Stack], tmp_path: Path, read_capture: ReadCapture) -> None:
    """Snapped after any byte, or ended there on the wire."""
    rnd = random.Random(SEED)
    frames = []
    for data in (frame for one in made for frame in one.frames):
        cut = rnd.randrange(len(data))
        frames.append(Frame(data[:cut], START + STEP * len(frames), rnd.choice([cut, len(data)])))
    snapshot = read_capture(write_pcap(tmp_path / "cut.pcap", frames))
    terms = dict(snapshot["accounting"])
    assert terms.pop("received") == len(frames) == sum(terms.values())
    assert terms["accounted"] == sum(flow["packets"] for flow in snapshot["flows"])
    assert snapshot["totals"]["bytes"] == sum(frame.wire or 0 for frame in frames)
