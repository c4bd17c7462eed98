# SPDX-License-Identifier: BSD-2-Clause
"""Loss that only the driver sees, with a program of ours in it: frames too long for what it hands to the program."""

from __future__ import annotations

from .captures import Series
from .check_jumbo import MTU, USUAL_MTU
from .check_modes import MODES
from .known_set import Conversation, jumbo_set
from .links import Fault, Nic, Sender

PAGE = 4096
AGAIN = 20


def check_too_long(captured: Nic, sender: Sender, mode: str) -> str:
    """Only the sender's MTU is raised: what fits is received, the rest is lost.nic, and as many as the driver says.

    How many were too long is known from what was sent; no ring or socket may have counted them.
    """
    captured.most_queues(1)
    long = [frame for frame in jumbo_set(MTU)[0] if len(frame) > PAGE] * AGAIN
    short = list(Conversation(1).frames()) * AGAIN
    try:
        sender.nic.set_mtu(MTU)
        with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
            captured.wait_for_carrier()
            before = captured.count("rx_dropped")
            sender.flood(long)
            sender.send(short)
            series.until(
                lambda seen: seen["accounting"]["received"] == len(short) and seen["lost"]["nic"] == len(long),
                f"{len(short)} received, {len(long)} lost in the NIC (it has dropped {captured.count('rx_dropped')})",
            )
            snapshot = series.next()
    finally:
        sender.nic.set_mtu(USUAL_MTU)
    received, lost = snapshot["accounting"]["received"], snapshot["lost"]
    dropped = captured.count("rx_dropped") - before
    if (received, lost["nic"], lost["total"], dropped) != (len(short), len(long), len(long), len(long)):
        raise Fault(f"{len(short)} + {len(long)} sent, {received} received, lost {lost}, the driver dropped {dropped}")
    return f"{len(short) + len(long)} sent, {received} received, lost.nic {lost['nic']} = rx_dropped"
