# SPDX-License-Identifier: BSD-2-Clause
"""The graph's arithmetic: axes that stand still, columns that keep their height while they move, dots."""

from __future__ import annotations

import pytest

from xtop.blocks import SteadyCeiling, braille_curve, history
from xtop.history import Curves
from xtop.ink import Line
from xtop.model import Histogram
from xtop.picture import Look, Picture
from xtop.widgets.byte_values import byte_lines
from xtop.widgets.histogram_panel import bar_shares
from xtop.widgets.throughput import Throughput, squeezed


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def test_an_axis_rises_at_once_and_falls_late() -> None:
    axis = SteadyCeiling(patience=3)
    assert axis.fit(9_000, 0) == 10_000
    assert axis.fit(10_500, 1) == 20_000
    assert [axis.fit(9_900, look) for look in range(2, 12)] == [20_000] * 10, "9.9 k is too near 10 k to fall back"
    assert [axis.fit(4_100, look) for look in (12, 13, 14)] == [20_000, 20_000, 10_000]
    assert [axis.fit(3_000, 14) for _ in range(9)] == [10_000] * 9, "a resize is no other look"
    assert axis.fit(700_000, 15) == 1_000_000


@pytest.mark.parametrize(("pps", "top", "rows"), [(9.0, "10", 5), (4.5, "10", 3), (180.0, "200", 5), (0.4, "10", 1)])
def test_a_link_of_few_packets_is_no_empty_one(pps: float, top: str, rows: int) -> None:
    picture = Picture(curves=Curves(bps=(400.0,) * 60, pps=(pps,) * 60), look=Look(graph_packets=True))
    lines = texts(Throughput().lines(picture, 70, 7))
    assert lines[1].split()[1] == top
    assert sum(any(block in line for block in "▁▂▃▄▅▆▇█") for line in lines) == rows


def test_a_quiet_links_bits_are_no_mountain() -> None:
    picture = Picture(curves=Curves(bps=(60.0,) * 60, pps=(0.1,) * 60))
    lines = texts(Throughput().lines(picture, 70, 7))
    assert lines[1].split()[1] == "1000"


def test_the_curve_of_few_bytes_has_a_shape() -> None:
    counts = [0] * 256
    counts[0x41], counts[0x5A], counts[0xFF] = 7, 3, 1
    lines = texts(byte_lines("→", counts, 1.2, 300))
    axis, curve = lines[2], lines[2:-1]
    assert axis.split()[0] == "10", "not 1000, where all three were the least that can be drawn"
    eighths = [sum(" ▁▂▃▄▅▆▇█".index(row[7 + value]) for row in curve) for value in (0x41, 0x5A, 0xFF, 0x42)]
    assert eighths == [round(4 * 8 * count / 10) for count in (7, 3, 1)] + [1]


@pytest.mark.parametrize("columns", [7, 50, 59, 60, 91])
def test_a_column_keeps_its_height_while_it_moves(columns: int) -> None:
    series = [float((second * 7919) % 1000) for second in range(2000)]
    seen: dict[float, int] = {}
    step = -(-600 // columns)
    for now in range(700, 760):
        drawn = squeezed(tuple(series[now - 599 : now + 1]), columns, now)
        assert len(drawn) <= columns
        # The column that holds second 640, when it has filled up, is the maximum of its aligned group, whenever asked.
        at = -1 - ((now // step) - (640 // step))
        group = max(series[640 // step * step : 640 // step * step + step])
        assert drawn[at] == group
        seen[group] = now
    assert len(seen) == 1


def test_what_was_not_measured_is_no_nought() -> None:
    assert squeezed((None, None, None, 5.0), 2, 3) == [None, 5.0]
    assert history((None, 0.0, 4.0), 4.0, 5) == "   ▁█"
    assert history((0.0, 2.0), 2.0, 2, idle=" ") == " █"


def test_braille_has_four_dots_a_cell_and_two_values() -> None:
    assert braille_curve((4.0, 8.0), 2, 8.0) == ["⢸", "⣿"]
    assert braille_curve((None, 8.0), 1, 8.0) == ["⢸"]
    assert braille_curve((8.0,), 1, 8.0) == ["⢸"], "the last value is at the right"
    assert braille_curve((0.001, 0.001), 1, 8.0) == ["⣀"], "what is there at all shows"


def test_logarithmic_bars_show_rare_bins() -> None:
    histogram = Histogram("bytes", (64, 128, None), (999, 9, 0))
    assert bar_shares(histogram, logarithmic=False) == pytest.approx([1, 9 / 999, 0])
    assert bar_shares(histogram, logarithmic=True) == pytest.approx([1, 1 / 3, 0])
    assert bar_shares(Histogram("bytes", (64, None), (0, 0)), logarithmic=True) == [0, 0]
