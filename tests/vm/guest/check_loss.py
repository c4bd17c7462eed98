# SPDX-License-Identifier: BSD-2-Clause
"""An overload: each frame that the NIC counted, as received or as lost, is counted by xtop as received or as lost."""

from __future__ import annotations

import os
import signal

from .captures import Series
from .check_modes import MODES
from .known_set import Conversation
from .links import LOST_BY_NIC, Fault, Nic, Sender

RING = "512"
FRAMES = 4000


def check_loss(captured: Nic, sender: Sender, mode: str) -> str:
    """Stop the capture, send one queue more than its rings hold, let it go on.

    One queue only: an emulated NIC none of whose queues has room makes the sender wait instead.
    """
    captured.most_queues(4)
    frames = [next(Conversation(1).frames())] * FRAMES
    with Series(captured.name, "--ring", RING, *MODES[mode]) as series:
        captured.wait_for_carrier()
        before = {name: captured.count(name) for name in ("rx_packets", *LOST_BY_NIC)}
        os.kill(series.capture_pid(), signal.SIGSTOP)
        try:
            sent = sender.flood(frames)
        finally:
            os.kill(series.capture_pid(), signal.SIGCONT)

        def counted() -> dict[str, int]:
            return {name: captured.count(name) - count for name, count in before.items()}

        def arrived(snapshot: dict[str, dict[str, int]]) -> bool:
            seen = snapshot["accounting"]["received"] + snapshot["lost"]["total"]
            return bool(seen) and seen == _arrivals(captured, counted())

        series.until(arrived, f"what the NIC counted is received or lost ({counted()})")
        snapshot = series.until(arrived, "and it stays so")
    received, lost = snapshot["accounting"]["received"], snapshot["lost"]
    causes = {cause: count for cause, count in lost.items() if count and cause != "total"}
    unseen = sent - received - lost["total"]
    if unseen < 0 or received == sent:
        raise Fault(f"{sent} sent, {received} received, lost {causes}, the NIC counted {counted()}")
    words = f"{sent} sent, {received} received, lost {causes or 'none'}"
    return words + (f", {unseen} dropped by the emulated device, which counts none" if unseen else "")


def _arrivals(captured: Nic, counted: dict[str, int]) -> int:
    """Frames that the NIC saw: rx_packets are all that its driver took, but rx_dropped of virtio_net are among them."""
    lost = sum(counted[name] for name in LOST_BY_NIC)
    if captured.driver() == "virtio_net":
        lost -= counted["rx_dropped"]
    return counted["rx_packets"] + lost
