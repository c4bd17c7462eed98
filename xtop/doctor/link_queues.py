# SPDX-License-Identifier: BSD-2-Clause
"""Queues, the spread of packets over them, their rings, and the CPUs that serve them."""

from __future__ import annotations

from collections.abc import Iterator

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.link_state import LinkState
from xtop.toeplitz import is_symmetric
from xtop.tune.plan import COALESCE_USECS, equal_spread, queue_setting
from xtop.tune.report import short_value

_NO_SYMMETRY = "where they do not, xtop joins the two halves of a flow by its key, which costs the reader time"


def queue_findings(state: LinkState) -> Iterator[Finding]:
    """Yield everything about the RX queues of a link."""
    yield count_finding(state)
    yield node_finding(state)
    yield symmetry_finding(state)
    yield table_finding(state)
    yield ring_finding(state)
    yield coalesce_finding(state)
    yield irq_finding(state)


def count_finding(state: LinkState) -> Finding:
    """Compare the queues with the cores near the NIC."""
    why = "each queue has a thread, each thread a core: fewer queues leave cores idle, more share them"
    if not state.rx_queues:
        return unseen("queues", _silence(state, "channels"), why)
    cores, key = len(state.near.cores), queue_setting(state)
    most = state.limits.get(key, 0) if key else 0
    found = f"{state.rx_queues} RX of {most or 'an unknown number'}, {cores} cores near"
    if state.rx_queues == cores or most == state.rx_queues < cores:
        return Finding("queues", Verdict.OK, found, why)
    return Finding("queues", Verdict.BETTER, found, why, _tune(state))


def node_finding(state: LinkState) -> Finding:
    """Say which NUMA node the NIC is on, and which CPUs are."""
    why = "memory and CPUs of another node cost a packet a trip across the interconnect"
    cpus = short_value(",".join(map(str, state.near.cpus)))
    if state.near.nodes == 1:
        return Finding("NUMA", Verdict.OK, "one node, all CPUs are near", why)
    if state.near.node is None:
        return unseen("NUMA", "the device does not tell its node", why)
    found = f"the NIC is on node {state.near.node}, with CPUs {cpus}"
    return Finding("NUMA", Verdict.OK, found, why, f"--cpus {','.join(map(str, state.near.cores[:64]))}")


def symmetry_finding(state: LinkState) -> Finding:
    """Say whether both directions of a flow reach one queue."""
    rss = state.rss
    if state.rx_queues == 1:
        return Finding("RSS symmetry", Verdict.OK, "one queue takes both directions", _NO_SYMMETRY)
    if rss is None or not (rss.key or rss.transform):
        reason = _silence(state, "rss")
        return unseen("RSS symmetry", reason, _NO_SYMMETRY)
    if rss.transform is not None:
        return Finding("RSS symmetry", Verdict.OK, f"symmetric by {rss.transform}", _NO_SYMMETRY)
    key = short_value(rss.key.hex(":"))
    if rss.function not in {"toeplitz", ""}:
        return unseen("RSS symmetry", f"the hash is {rss.function}, which is not worked out here", _NO_SYMMETRY)
    if is_symmetric(rss.key):
        return Finding("RSS symmetry", Verdict.OK, f"key {key}: swapped tuples hash the same", _NO_SYMMETRY)
    found = f"key {key}: swapped tuples hash differently"
    return Finding("RSS symmetry", Verdict.BETTER, found, _NO_SYMMETRY, _tune(state))


def table_finding(state: LinkState) -> Finding:
    """Say whether the hash is spread over all queues."""
    why = "a queue that the table leaves out gets nothing; one that it favours overflows first"
    if state.rss is None or not state.rss.table or not state.rx_queues:
        if state.rx_queues == 1:
            return Finding("RSS table", Verdict.OK, "one queue", why)
        return unseen("RSS table", _silence(state, "rss"), why)
    table = state.rss.table
    shares = [table.count(queue) for queue in range(state.rx_queues)]
    found = f"{len(table)} entries, {min(shares)} to {max(shares)} a queue"
    equal = str(state.values.get("rss.table")) == equal_spread(len(table), state.rx_queues)
    if equal or max(shares) - min(shares) <= 1:
        return Finding("RSS table", Verdict.OK, found, why)
    return Finding("RSS table", Verdict.BETTER, found, why, _tune(state))


def ring_finding(state: LinkState) -> Finding:
    """Compare the RX ring with the largest that the driver has."""
    why = "a burst waits in the ring until a CPU comes; what does not fit is lost before XDP sees it"
    if "rings.rx" not in state.values:
        return unseen("RX ring", _silence(state, "rings"), why)
    size, most = int(state.values["rings.rx"]), state.limits.get("rings.rx", 0)
    if size >= most:
        return Finding("RX ring", Verdict.OK, f"{size} of {most} descriptors", why)
    return Finding("RX ring", Verdict.BETTER, f"{size} of {most} descriptors", why, _tune(state))


def coalesce_finding(state: LinkState) -> Finding:
    """Say how long the NIC waits before it interrupts."""
    why = "too short a wait costs an interrupt a packet, too long a one fills the ring"
    if "coalesce.rx-usecs" not in state.values:
        return unseen("coalescing", _silence(state, "coalesce"), why)
    usecs, adaptive = state.values["coalesce.rx-usecs"], state.values.get("coalesce.adaptive-rx", "off")
    found = f"rx-usecs {usecs}, adaptive {adaptive}"
    if (usecs, adaptive) == (COALESCE_USECS, "off"):
        return Finding("coalescing", Verdict.OK, found, why)
    return Finding("coalescing", Verdict.BETTER, found, why, _tune(state))


def irq_finding(state: LinkState) -> Finding:
    """Say whether each queue's interrupt keeps to one CPU near the NIC."""
    why = "an interrupt that wanders takes its cache lines along; two on one CPU share its time"
    if not state.irqs:
        reason = "a link without interrupts of its own" if not state.driver.bus else "its interrupts could not be told"
        return unseen("interrupts", reason, why)
    found = ", ".join(f"queue {irq.queue}: {short_value(','.join(map(str, irq.cpus)))}" for irq in state.irqs[:8])
    found = "CPUs of " + found + (f" and {len(state.irqs) - 8} more" if len(state.irqs) > 8 else "")
    each = [irq.cpus for irq in state.irqs]
    apart = len(set(each)) >= min(len(each), len(state.near.cores))
    if all(len(cpus) == 1 and cpus[0] in state.near.cpus for cpus in each) and apart:
        return Finding("interrupts", Verdict.OK, found, why)
    return Finding("interrupts", Verdict.BETTER, found, why, _tune(state))


def _tune(state: LinkState) -> str:
    return f"sudo xtop tune -i {state.name} --apply"


def _silence(state: LinkState, group: str) -> str:
    said = state.unseen.get(group)
    return "the driver tells nothing of it" + (f" ({said})" if said else "")
