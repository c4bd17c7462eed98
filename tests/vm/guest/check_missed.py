# SPDX-License-Identifier: BSD-2-Clause
"""Loss that only the NIC sees: it had no buffer when the frame came, so no driver, program or socket ever met it."""

from __future__ import annotations

import re
import subprocess

from .captures import Series
from .check_modes import MODES
from .generator import Generator
from .links import LOST_BY_NIC, Fault, Nic, Sender

FRAMES = 4000
BURST = 64
OUT_OF_BUFFERS = "pkts rx OOB"  # vmxnet3 has it in no counter of the interface


def check_missed(captured: Nic, sender: Sender, mode: str) -> str:
    """Send faster than the NIC's ring is emptied: every frame is received or in lost.nic, and there as the NIC has it.

    How many were sent is the generator's word, how many were missed the driver's.
    """
    captured.most_queues(1)
    captured.smallest_ring()
    with Series(captured.name, "--ring", "8192", *MODES[mode]) as series:
        captured.wait_for_carrier()
        before = _counted(captured)  # a program that comes or goes resets vmxnet3, which then counts anew
        with Generator(sender.nic, FRAMES, BURST) as generator:
            sent = generator.sent()
        snapshot = series.until(
            lambda seen: seen["accounting"]["received"] + seen["lost"]["total"] >= sent,
            f"{sent} frames are received or lost",
        )
        snapshot = series.next()
        missed = {name: count - before[name] for name, count in _counted(captured).items() if count > before[name]}
    received, lost = snapshot["accounting"]["received"], snapshot["lost"]
    if received + lost["nic"] != sent or lost["total"] != lost["nic"] or lost["nic"] != sum(missed.values()):
        raise Fault(f"{sent} sent, {received} received, lost {lost}, the NIC says {missed}")
    if not missed:
        raise Fault(f"the NIC kept up with {sent} frames")
    return f"{sent} sent, {received} received, lost.nic {lost['nic']} = {' + '.join(missed)}"


def _counted(captured: Nic) -> dict[str, int]:
    """What the interface and, by ethtool(8), its driver say of frames that found no buffer."""
    told = {name: captured.count(name) for name in LOST_BY_NIC}
    said = subprocess.run(["ethtool", "-S", captured.name], capture_output=True, text=True).stdout
    return {**told, OUT_OF_BUFFERS: sum(map(int, re.findall(rf"{OUT_OF_BUFFERS}: (\d+)", said)))}
