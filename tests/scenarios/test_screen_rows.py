# SPDX-License-Identifier: BSD-2-Clause
"""What the screen takes of all rows at once is what each row says of itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from xtop.model import CaptureState, View
from xtop.screen_rows import ScreenRows, keys_of, rates_of
from xtop.settings import CaptureSettings
from xtop.shm_source import ShmSource

PCAPS = Path(__file__).parent / "pcaps"


@pytest.mark.parametrize("view", [View(), View(group="host"), View(directions=True), View(top=7, group="pair")])
def test_keys_and_rates_are_those_of_the_rows(view: View) -> None:
    source = ShmSource.start(CaptureSettings(file=str(PCAPS / "zoom.pcap"), lossless_ended=True))
    try:
        deadline = time.monotonic() + 40
        while source.state() is not CaptureState.DONE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        whole = source.snapshot(View(top=view.top or 500, ended=True, group=view.group, directions=view.directions))
        for rows in filter(len, (whole.flows, whole.groups)):
            assert isinstance(rows, ScreenRows)
            flows = list(rows)
            assert list(keys_of(rows)) == [flow.key for flow in flows] == keys_of(flows)
            assert list(rates_of(rows)) == pytest.approx([flow.bps for flow in flows])
            assert sum(rates_of(flows)) > 0
            assert rows[0] is rows[0], "a row is made once"
            assert rows[:3] == tuple(flows[:3])
            assert rows[-1] is flows[-1]
            with pytest.raises(IndexError):
                rows[len(flows)]
    finally:
        source.close()
