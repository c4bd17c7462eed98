# SPDX-License-Identifier: BSD-2-Clause
"""The random stacks of tests/scenarios/test_random_stacks.py over a real link: AF_XDP counts what the file said."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from tests.scenarios.random_stacks import differences, stacks

from .conftest import Link
from .test_snapshot import arrived, assert_law, series

MakeLink = Callable[..., Link]
COUNT, SEED = int(os.environ.get("XTOP_STACKS", "300")), int(os.environ.get("XTOP_STACKS_SEED", "6"))
BURST = 256  # frames sent before the capture is asked: no ring overflows


def test_each_is_the_flow_that_was_put_into_it(make_link: MakeLink) -> None:
    link = make_link()
    made = list(stacks(SEED, COUNT))
    frames = [frame for one in made for frame in one.frames]
    with link.inside():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((link.sending, 0))
    with sender, series(link, "-N", "--idle-timeout", "3600", "--active-timeout", "3600") as running:
        for begin in range(0, len(frames), BURST):
            for frame in frames[begin : begin + BURST]:
                sender.send(frame)
            sent = min(begin + BURST, len(frames))
            snapshot = running.until(lambda snapshot, sent=sent: arrived(snapshot) >= sent)
    assert (snapshot["accounting"]["received"], snapshot["lost"]["total"]) == (len(frames), 0)
    assert_law(snapshot)
    wrong = differences(snapshot, made)
    assert not wrong, "\n".join([f"{len(wrong)} of {COUNT} are wrong", *wrong[:10]])
