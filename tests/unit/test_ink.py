# SPDX-License-Identifier: BSD-2-Clause
"""Lines and blocks: a line one cell too long shifts a frame, a bar that vanishes hides a small share."""

from __future__ import annotations

import pytest

from xtop.blocks import bar, ceiling, curve, sparkline
from xtop.ink import elided, fitted, framed, length, plain, printable, spread


@pytest.mark.parametrize("width", range(12, 60))
def test_a_frame_is_as_large_as_asked(width: int) -> None:
    lines = framed("Throughput", [("peak 9.41 Gbit/s", "base")], [[("x" * 99, "base")]], width, 5)
    assert [length(line) for line in lines] == [width] * 5
    assert plain(lines[0]).endswith("╮")


def test_spread_keeps_the_right_end() -> None:
    assert plain(spread([("left and long", "base")], [("42", "base")], 8)) == "left a42"


def test_fitted_cuts_and_fills() -> None:
    assert plain(fitted([("ab", "base"), ("cd", "dim")], 3)) == "abc"
    assert plain(fitted([("ab", "base")], 3)) == "ab "


def test_elided_keeps_both_ends() -> None:
    assert elided("2001:db8:85a3::8a2e:370:7334", 15) == "2001:db…70:7334"
    assert elided("10.0.0.1", 15) == "10.0.0.1       "


def test_printable() -> None:
    assert printable("eth\x1b[31m0\n") == "eth�[31m0�"


def test_bars() -> None:
    assert bar(0, 4) == "    "
    assert bar(1e-9, 4) == "▏   "
    assert bar(1, 4) == bar(7, 4) == "████"


def test_sparkline_of_nothing() -> None:
    assert sparkline([], 3) == "   "
    assert sparkline([0.0, 0.0], 3) == " ▁▁"


def test_curve_leaves_out_what_was_not_measured() -> None:
    assert curve([None, 0.0, 5.0, 10.0], 2, 10) == ["   █", " ▁██"]


@pytest.mark.parametrize(("value", "top"), [(0, 1e3), (1e3, 1e3), (1001, 2e3), (2e9, 2e9), (2.1e9, 5e9), (9.9e9, 1e10)])
def test_the_axis_holds_its_values(value: float, top: float) -> None:
    assert ceiling(value) == pytest.approx(top)
