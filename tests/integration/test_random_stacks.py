# SPDX-License-Identifier: BSD-2-Clause
"""The random stacks of tests/scenarios/test_random_stacks.py over a real link: AF_XDP counts what the file said."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from tests.scenarios.random_stacks import differences, stacks

from .conftest import Link
from .held_thread import held, threads_named
from .test_snapshot import arrived, assert_law, capture_of, series

MakeLink = Callable[..., Link]
COUNT, SEED = int(os.environ.get("XTOP_STACKS", "300")), int(os.environ.get("XTOP_STACKS_SEED", "6"))
AT_ONCE = 1000  # stacks, of six frames at most: no ring overflows


def test_each_is_the_flow_that_was_put_into_it(make_link: MakeLink) -> None:
    """The worker stands still while frames are sent, so that a sender without CPU tears no datagram apart in time."""
    link = make_link()
    made = list(stacks(SEED, COUNT))
    with link.inside():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((link.sending, 0))
    sent = 0
    with sender, series(link, "-N", "--idle-timeout", "3600", "--active-timeout", "3600") as running:
        (worker,) = threads_named(capture_of(link, running), "xtop-worker")
        for begin in range(0, len(made), AT_ONCE):
            frames = [frame for one in made[begin : begin + AT_ONCE] for frame in one.frames]
            with held(worker):
                for frame in frames:
                    sender.send(frame)
            sent += len(frames)
            snapshot = running.until(lambda snapshot, sent=sent: arrived(snapshot) >= sent)
    assert (snapshot["accounting"]["received"], snapshot["lost"]["total"]) == (sent, 0)
    wrong = differences(snapshot, made)
    assert not wrong, "\n".join([f"{len(wrong)} of {COUNT} are wrong", *wrong[:10]])
    assert_law(snapshot)
