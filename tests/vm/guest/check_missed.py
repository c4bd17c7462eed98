# SPDX-License-Identifier: BSD-2-Clause
"""Loss that only the NIC sees: it had no buffer when the frame came, so no driver, program or socket ever met it."""

from __future__ import annotations

from .captures import Series
from .check_modes import MODES
from .generator import Generator
from .links import Fault, Nic, Sender

FRAMES = 4000
BURST = 64


def check_missed(captured: Nic, sender: Sender) -> str:
    """Send faster than the NIC's ring is emptied: every frame is received or in lost.nic, and there as the NIC has it.

    How many were sent is the generator's word, how many were missed the driver's (rx_missed_errors).
    """
    missed_before = captured.count("rx_missed_errors")
    with Series(captured.name, "--ring", "8192", *MODES["generic"]) as series:
        with Generator(sender.nic, FRAMES, BURST) as generator:
            sent = generator.sent()
        snapshot = series.until(
            lambda seen: seen["accounting"]["received"] + seen["lost"]["total"] >= sent,
            f"{sent} frames are received or lost",
        )
        snapshot = series.next()
    received, lost = snapshot["accounting"]["received"], snapshot["lost"]
    missed = captured.count("rx_missed_errors") - missed_before
    if received + lost["nic"] != sent or lost["total"] != lost["nic"] or lost["nic"] != missed:
        raise Fault(f"{sent} sent, {received} received, lost {lost}, the NIC says {missed} missed")
    if not missed:
        raise Fault(f"the NIC kept up with {sent} frames")
    return f"{sent} sent, {received} received, lost.nic {lost['nic']} = rx_missed_errors"
