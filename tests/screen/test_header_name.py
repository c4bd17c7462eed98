# SPDX-License-Identifier: BSD-2-Clause
"""What is watched, at the left of the header, where there is little room for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.sample_snapshot import SNAPSHOT
from xtop.ink import length, plain
from xtop.model import SourceInfo
from xtop.picture import Picture
from xtop.widgets.header_line import HeaderLine

PATH = "/work/shared/pcaps/443-curl.pcap"


def header(source: SourceInfo, width: int) -> str:
    (line,) = HeaderLine().lines(Picture(replace(SNAPSHOT, source=source)), width, 1)
    assert length(line) == width
    return plain(line)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_files_name_is_not_what_its_directories_displace(width: int) -> None:
    assert "443-curl.pcap" in header(SourceInfo("file", PATH, "file"), width)


def test_at_80_columns_the_directories_go() -> None:
    assert header(SourceInfo("file", PATH, "file"), 80).startswith((" …/443-curl.pcap ", " …/pcaps/443-curl.pcap "))


def test_of_interfaces_the_first_stand_there() -> None:
    names = ",".join(f"enp{number}s0f1" for number in range(12))
    for width in (60, 80):
        assert header(SourceInfo("interface", names, "af_packet"), width).startswith(" enp0s0f1")
