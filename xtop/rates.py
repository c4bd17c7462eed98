# SPDX-License-Identifier: BSD-2-Clause
"""Counters are facts, rates are arithmetic: two readings of a queue's totals and what happened between them."""

from __future__ import annotations

from typing import NamedTuple

NANOSECONDS = 1_000_000_000


class Reading(NamedTuple):
    """A queue's totals at ``clock`` (ns; any clock, but the same in both readings)."""

    clock: int = 0
    packets: int = 0
    bytes: int = 0
    busy_ns: int = 0


class Rate(NamedTuple):
    """Per second, between two readings; ``bps`` in bits, ``busy`` a share from 0 to 1."""

    pps: float = 0.0
    bps: float = 0.0
    busy: float = 0.0


def rate_between(before: Reading, now: Reading) -> Rate:
    """Return the rate from ``before`` to ``now``; nothing where no time passed."""
    elapsed = (now.clock - before.clock) / NANOSECONDS
    if elapsed <= 0:
        return Rate()
    return Rate(
        pps=(now.packets - before.packets) / elapsed,
        bps=(now.bytes - before.bytes) * 8 / elapsed,
        busy=min(1.0, (now.busy_ns - before.busy_ns) / NANOSECONDS / elapsed),
    )
