# SPDX-License-Identifier: BSD-2-Clause
"""What xtop would change on a link, as a pure function of how it is set up now.

The settings are those of the thesis that xtop grew out of (7.9 "Optimalization"): rings at their maximum, a queue a
core, interrupts at a fixed 8 µs. The symmetric key, the offloads, the interrupts' CPUs and the JIT are added here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xtop.link_state import SYSCTL_JIT, LinkState, Value
from xtop.number_list import format_number_list
from xtop.toeplitz import is_symmetric, symmetric_key

COALESCE_USECS = 8
UNWANTED_OFFLOADS = {
    "rx-lro": "it merges packets before they are counted",
    "rx-gro-hw": "the NIC merges packets before they are counted",
    "rx-vlan-hw-parse": "the NIC strips the VLAN tag, and XDP never sees it",
    "rx-vlan-stag-hw-parse": "the NIC strips the outer VLAN tag, and XDP never sees it",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One setting: what it is, what it shall be, and why."""

    key: str
    now: Value
    wanted: Value
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, what is right already, and what cannot be had (setting or group: why)."""

    changes: tuple[Change, ...]
    right: tuple[str, ...]
    closed: tuple[tuple[str, str], ...]


def make_plan(state: LinkState) -> Plan:
    """Return what is to be changed on the link of ``state``."""
    wishes = list(_wishes(state))
    open_wishes = [wish for wish in wishes if wish.key not in state.fixed]
    closed = [
        (wish.key, f"{wish.now}, which the driver does not let change")
        for wish in wishes
        if wish.key in state.fixed and wish.now != wish.wanted
    ]
    groups = ("channels", "rings", "coalesce", "features", "rss")
    closed += [(group, state.unseen[group]) for group in groups if group in state.unseen]
    if state.rss is not None and not state.rss.key:
        closed.append(("rss.key", "the driver does not tell it"))
    return Plan(
        changes=tuple(wish for wish in open_wishes if wish.now != wish.wanted),
        right=tuple(wish.key for wish in open_wishes if wish.now == wish.wanted),
        closed=tuple(closed),
    )


def queue_setting(state: LinkState) -> str | None:
    """Return the key that sets the number of RX queues; None where the driver has none."""
    if state.limits.get("channels.combined", 0) > 0:
        return "channels.combined"
    return "channels.rx" if state.limits.get("channels.rx", 0) > 0 else None


def equal_spread(entries: int, queues: int) -> str:
    """Return the table by which the kernel spreads the hash over ``queues`` if nobody asks for another."""
    return format_number_list(tuple(entry % queues for entry in range(entries)))


def _wishes(state: LinkState) -> Iterator[Change]:
    yield from _queues(state)
    for name in ("rx", "rx-mini", "rx-jumbo"):
        yield from _wish(state, f"rings.{name}", state.limits.get(f"rings.{name}", 0), "a burst waits there for a CPU")
    for name, why in UNWANTED_OFFLOADS.items():
        yield from _wish(state, f"features.{name}", "off", why)
    for side in ("rx", "tx"):
        yield from _wish(state, f"coalesce.adaptive-{side}", "off", "a rate that wanders makes the load wander")
        yield from _wish(state, f"coalesce.{side}-usecs", COALESCE_USECS, "an interrupt in 8 µs at most (the thesis)")
    yield from _spread(state)
    yield from _interrupts(state)
    if state.values.get(f"sysctl.{SYSCTL_JIT}") == 0:
        yield from _wish(state, f"sysctl.{SYSCTL_JIT}", 1, "without the JIT each packet's program is interpreted")


def _wish(state: LinkState, key: str, wanted: Value, why: str) -> Iterator[Change]:
    if key in state.values and wanted != 0:
        yield Change(key, state.values[key], wanted, why)


def _queues(state: LinkState) -> Iterator[Change]:
    key = queue_setting(state)
    if key is not None:
        cores = len(state.near.cores)
        where = f"near the NIC (node {state.near.node})" if state.near.nodes > 1 else "here"
        why = f"one a core; there are {cores} {where}"
        yield from _wish(state, key, min(state.limits[key], cores), why)


def _spread(state: LinkState) -> Iterator[Change]:
    rss = state.rss
    if rss is None:
        return
    if rss.key and rss.function in {"toeplitz", ""} and rss.transform is None:
        wanted = state.values["rss.key"] if is_symmetric(rss.key) else symmetric_key(len(rss.key)).hex(":")
        yield from _wish(state, "rss.key", wanted, "both directions of a flow reach one queue")
    if rss.table and state.rx_queues:
        wanted = equal_spread(len(rss.table), state.rx_queues)
        yield from _wish(state, "rss.table", wanted, "every queue gets its share")


def _interrupts(state: LinkState) -> Iterator[Change]:
    for place, irq in enumerate(state.irqs):
        cpu = state.near.cores[place % len(state.near.cores)]
        yield from _wish(state, f"irq.{irq.irq}", str(cpu), f"queue {irq.queue} keeps to CPU {cpu}")
