# SPDX-License-Identifier: BSD-2-Clause
"""What a slow line has to carry, measured on a pseudo-terminal: a widget that redraws itself whole would show here."""

from __future__ import annotations

import re

import pytest

from tests.screen.bytes_sent import bytes_per_second


def test_a_steady_screen_sends_under_10_kb_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    rate, sent = bytes_per_second()
    assert b"38;2;" in sent
    assert 0 < rate < 10_000


def test_no_color_sends_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _, sent = bytes_per_second(seconds=1)
    styles = {code for codes in re.findall(rb"\x1b\[([0-9;]*)m", sent) for code in codes.split(b";")}
    assert styles <= {b"", b"0", b"1", b"2", b"7", b"39", b"49"}
