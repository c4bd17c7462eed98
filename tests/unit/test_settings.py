# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtop.number_list import format_number_list, parse_number_list
from xtop.settings import CaptureSettings, LinkSettings, capture_arguments


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", (0,)), ("0-3,6", (0, 1, 2, 3, 6)), ("6,0-1", (6, 0, 1)), (" 1 , 2 ", (1, 2)), ("5-5", (5,))],
)
def test_lists_are_read_as_written(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_number_list(text, 16) == numbers


@pytest.mark.parametrize(
    "text", ["", ",", "1,", "a", "-1", "1-", "3-1", "1-2-3", "0x1", "16", "1,1", "1-3,2", "٣", "1.5"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_number_list(text, 16)


@given(st.lists(st.integers(0, 99), unique=True, min_size=1).map(tuple))
def test_a_list_survives_the_way_there_and_back(numbers: tuple[int, ...]) -> None:
    assert parse_number_list(format_number_list(numbers), 100) == numbers


@given(st.text(max_size=12))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        numbers = parse_number_list(text, 50)
    except ValueError:
        return
    assert all(0 <= number < 50 for number in numbers)


def test_an_interface_with_everything() -> None:
    settings = CaptureSettings(
        links=(LinkSettings("eth1", capture="af_xdp", reason="why"), LinkSettings("eth2")), netns_fd=9,
        queues=(0, 1, 6), threads=2, cpus=(4, 5), xdp="native", copy="zero",
        busy_poll=True, ring=4096, max_flows=1000, idle_timeout=15.0, active_timeout=0.25,
    )  # fmt: skip
    arguments = capture_arguments(settings, control_fd=5)
    assert " ".join(arguments) == (
        "-i eth1 --capture af_xdp --reason why -i eth2 "
        "--control-fd 5 -t 2 --ring 4096 --max-flows 1000 --idle-timeout 15 --active-timeout 0.25 "
        "--netns-fd 9 --busy-poll -q 0,1,6 --cpus 4,5 -N -z"
    )


def test_what_is_not_given_is_left_to_the_capture() -> None:
    arguments = capture_arguments(CaptureSettings(links=(LinkSettings("lo"),)), control_fd=3)
    assert arguments == ["-i", "lo", "--control-fd", "3"]


def test_a_file_and_a_demo() -> None:
    file = CaptureSettings(file="-", realtime=True, lossless_ended=True, idle_timeout=1e-7)
    assert " ".join(capture_arguments(file, control_fd=3, file_fd=4)) == (
        "--file-fd 4 --file-name - --control-fd 3 --idle-timeout 0.0000001 --realtime --lossless-ended"
    )
    demo = CaptureSettings(demo=True, seed=0, demo_flows=1, demo_packets=2, demo_rate=3)
    assert " ".join(capture_arguments(demo, control_fd=3)) == (
        "--demo --control-fd 3 --seed 0 --demo-flows 1 --demo-packets 2 --demo-rate 3"
    )


def test_nothing_to_capture_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        capture_arguments(CaptureSettings(), control_fd=3)
    with pytest.raises(ValueError, match="open"):
        capture_arguments(CaptureSettings(file="x"), control_fd=3)
