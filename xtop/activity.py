# SPDX-License-Identifier: BSD-2-Clause
"""From what the reader found of hosts that stand out to values: rates, and how many hosts and ports they reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xtop.model import Activity, Contacts, HostRate
from xtop.units import NANOSECONDS

BITS = 4096  # READER_CONTACT_BITS


@dataclass(frozen=True, slots=True)
class ActiveHost:
    """``struct reader_host``: a bit of ``BITS`` was set for each host and port that it reaches."""

    host: str
    flows: int
    host_bits: int
    port_bits: int
    rate_bytes: int


def activity_of(hosts: Sequence[ActiveHost], interval_ns: int) -> Activity:
    """Return what ``hosts`` say: the first has the greatest rate, the others began flows."""
    if not hosts:
        return Activity()
    first, *others = hosts
    top = HostRate(first.host, first.rate_bytes * 8 * NANOSECONDS / interval_ns) if interval_ns else None
    return Activity(
        top if top and top.bps > 0 else None,
        tuple(
            Contacts(host.host, min(host.flows, distinct(host.host_bits)), min(host.flows, distinct(host.port_bits)),
                     host.flows)
            for host in others
        ),
    )  # fmt: skip


def distinct(bits: int) -> int:
    """Return how many different things have set ``bits`` of BITS (linear counting; some per cent off, up to 30,000)."""
    free = max(BITS - bits, 1)
    return round(BITS * math.log(BITS / free))
