# SPDX-License-Identifier: BSD-2-Clause
"""One of a machine's interfaces, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interface:
    """What can be captured, as the kernel describes it now."""

    name: str
    index: int
    driver: str  # "" where the driver does not tell
    rx_queues: int  # in use
    mtu: int
    up: bool
    carrier: bool
    loopback: bool
    addresses: tuple[str, ...]  # "192.0.2.1/24"
    master: str | None  # the bridge, bond or team it is a port of
