# SPDX-License-Identifier: BSD-2-Clause
"""Jumbo frames by multi-buffer: every frame once, at its whole length, whatever pieces it came in."""

from __future__ import annotations

from .captures import Series
from .check_modes import MODES
from .known_set import jumbo_set
from .links import Fault, Nic, Sender

MTU = 9000
USUAL_MTU = 1500


def check_jumbo(captured: Nic, sender: Sender, mode: str) -> str:
    """Raise the MTU at both ends, send, put it back."""
    captured.most_queues(1)
    frames, lengths = jumbo_set(MTU)
    try:
        for nic in (captured, sender.nic):
            nic.set_mtu(MTU)
        with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
            sender.send(frames)
            series.until(lambda seen: seen["accounting"]["received"] >= len(frames), "all frames are there")
            snapshot = series.next()
            source = snapshot["source"]
    finally:
        for nic in (captured, sender.nic):
            nic.set_mtu(USUAL_MTU)
    seen = sorted(flow["bytes"] for flow in snapshot["flows"])
    if seen != sorted(lengths) or snapshot["accounting"]["accounted"] != len(frames):
        raise Fault(f"IP lengths {seen}, not {sorted(lengths)}; {snapshot['accounting']}")
    if source["zero_copy"] != (mode == "zero copy"):
        raise Fault(f"zero copy is {source['zero_copy']}")
    return f"{len(frames)} frames of up to {max(map(len, frames))} bytes"
