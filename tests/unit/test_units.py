# SPDX-License-Identifier: BSD-2-Clause
"""A number that is one cell wider than the last, or rounds to a fourth digit, makes every column after it jump."""

from __future__ import annotations

import random

import pytest

from xtop import units

EDGES = [
    0,
    1,
    9,
    9.994,
    9.995,
    9.996,
    99.94,
    99.96,
    999,
    999.4,
    999.5,
    999.6,
    1000,
    9995,
    99950,
    999_499,
    999_500,
    1e21,
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "   0  "),
        (7, "   7  "),
        (999, " 999  "),
        (1000, "1.00 k"),
        (9_994, "9.99 k"),
        (9_996, "10.0 k"),
        (999_499, " 999 k"),
        (999_500, "1.00 M"),
        (1_204_000, "1.20 M"),
        (37.0, "37.0  "),
        (0.52, "0.52  "),
        (0.0083, "0.01  "),
        (0.0049, "<.01  "),
        (1e-12, "<.01  "),
        (0.0, "   0  "),
        (-4, "   0  "),
    ],
)
def test_three_digits(value: float, text: str) -> None:
    assert units.count(value) == text


def test_a_rate_that_is_there_is_no_nought() -> None:
    """A file of years (quic.pcap: 518 packets in 369 days) has such: 518 / 31920417 s are 0.0000162 packets/s."""
    assert units.packet_rate(518 / 31920417) == "<.01 pps "
    assert units.rate(8 * 341314 / 31920417) == "0.09 bit/s "
    assert units.rate(8 * 341314 / 31920417, in_bytes=True) == "0.01 B/s   "
    assert units.rate(0.0) == "   0 bit/s "


def test_every_width_is_fixed() -> None:
    pick = random.Random(1)
    for value in EDGES + [10 ** pick.uniform(-3, 21) for _ in range(3000)]:
        assert len(units.count(value)) == units.COUNT_WIDTH
        assert len(units.rate(value)) == units.RATE_WIDTH
        assert len(units.rate(value, in_bytes=True)) == units.RATE_WIDTH
        assert len(units.packet_rate(value)) == units.PACKET_RATE_WIDTH
        assert len(units.volume(value)) == units.VOLUME_WIDTH
        assert len(units.percent(value / 1e3)) == units.PERCENT_WIDTH
        assert len(units.brief_percent(value / 1e3)) == 4
        assert len(units.age(int(min(value, 1e18)))) == units.AGE_WIDTH


def test_bits_become_bytes() -> None:
    assert units.rate(9.41e9) == "9.41 Gbit/s"
    assert units.rate(9.41e9, in_bytes=True) == "1.18 GB/s  "


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 us"),
        (0.00085, "850 us"),
        (0.9996, "1.00 s"),
        (12.34, "12.3 s"),
        (59.96, "1m 00s"),
        (135, "2m 15s"),
        (3599.6, "1h 00m"),
        (3720, "1h 02m"),
        (86400 * 41 + 3600 * 6, "41d 06h"),
        (-5, "0 us"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert units.age(round(seconds * units.NANOSECONDS)).strip() == text


def test_what_is_there_is_never_nothing() -> None:
    assert units.percent(0) == "   0 %"
    assert units.percent(1e-9) == "<.01 %"
    assert units.brief_percent(0.001) == " <1%"


@pytest.mark.parametrize(("value", "text"), [(64, "64"), (9216, "9216"), (10_000, "10k"), (2e10, "20G"), (0.5, "0.5")])
def test_short(value: float, text: str) -> None:
    assert units.short(value) == text


def test_clock() -> None:
    assert units.clock(42.9) == "00:42"
    assert units.clock(3723) == "1:02:03"
