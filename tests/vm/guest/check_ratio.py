# SPDX-License-Identifier: BSD-2-Clause
"""The thesis's first experiment: packets a second of one socket, generic to copy to zero copy, with and without flows.

The kernel's own generator (Documentation/networking/pktgen.rst) sends 64-byte frames of 1,000 flows as fast as it can,
and what counts is what the capture took in a stretch of time in which it never waited. Everything is emulated: the
figures stand in relation to each other within one run and to nothing else.
"""

from __future__ import annotations

import statistics
import time

from .captures import Drain, Series
from .check_modes import DRAIN_MODES, MODES
from .generator import Generator
from .links import Nic, Sender, wait_until

ROUNDS = 3
WARM_UP_S, MEASURED_S = 1.0, 4.0


def check_ratio(captured: Nic, sender: Sender) -> str:
    """Take turns with the modes, some rounds of all; the medians."""
    captured.queues(1)
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for mode in MODES:
            rates.setdefault((mode, "without flows"), []).append(_without_flows(captured, sender, mode))
            rates.setdefault((mode, "with flows"), []).append(_with_flows(captured, sender, mode))
    words = []
    for work in ("without flows", "with flows"):
        medians = {mode: statistics.median(rates[mode, work]) for mode in MODES}
        ratio = " : ".join(f"{medians[mode] / medians['generic']:.2f}" for mode in MODES)
        spread = ", ".join(f"{mode} {min(rates[mode, work]):.0f} to {max(rates[mode, work]):.0f}" for mode in MODES)
        words.append(f"{work} generic : copy : zero copy = {ratio} ({spread} packets a second)")
    return "; ".join(words)


def _without_flows(captured: Nic, sender: Sender, mode: str) -> float:
    with Drain(captured.name, "--ring", "2048", *DRAIN_MODES[mode]) as drain:
        captured.wait_for_carrier()
        with Generator(sender.nic):
            wait_until(lambda: drain.received() > 0, "packets come")
            time.sleep(WARM_UP_S)
            first, began = drain.received(), time.monotonic()
            time.sleep(MEASURED_S)
            return (drain.received() - first) / (time.monotonic() - began)


def _with_flows(captured: Nic, sender: Sender, mode: str) -> float:
    with Series(captured.name, "--ring", "2048", "--top", "1", *MODES[mode]) as series:
        captured.wait_for_carrier()
        with Generator(sender.nic):
            first = series.until(lambda seen: seen["accounting"]["received"] > 0, "packets come")
            due = time.monotonic() + WARM_UP_S
            first = series.until(lambda seen: time.monotonic() > due, "a second has passed")
            began = _taken_at(first)
            last = series.until(lambda seen: _taken_at(seen) - began > MEASURED_S, "the measured time has passed")
    return (last["accounting"]["received"] - first["accounting"]["received"]) / (_taken_at(last) - began)


def _taken_at(snapshot: dict[str, str]) -> float:
    """Seconds of the day."""
    hours, minutes, seconds = snapshot["taken_at"].rstrip("Z").split("T")[1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
