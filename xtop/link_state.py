# SPDX-License-Identifier: BSD-2-Clause
"""How a link is set up now: everything that ``xtop tune`` can change and ``xtop doctor`` judges, read once.

A setting has a key, ``GROUP.NAME`` ("rings.rx", "features.rx-lro", "irq.37"), and a value that JSON can carry: a
number, "on" or "off", or text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyroute2 import IPRoute

from xtop.cpu_topology import Nearness, read_nearness
from xtop.ethtool.features import read_features
from xtop.ethtool.ioctl import DriverInfo, Rss, read_driver, read_rss
from xtop.ethtool.netdev import XdpFeatures, read_queue_irqs, read_xdp_features
from xtop.ethtool.numbers import GROUPS, read_numbers
from xtop.ethtool.refusal import Refusal
from xtop.machine_files import MachineFiles
from xtop.nic_irqs import QueueIrq
from xtop.nic_irqs import read_queue_irqs as irqs_of_queues
from xtop.number_list import format_number_list

Value = int | str
SYSCTL_JIT = "net.core.bpf_jit_enable"
FLAGS = frozenset({"coalesce.adaptive-rx", "coalesce.adaptive-tx"})  # numbers of the kernel that mean on and off


class NoSuchLink(Exception):
    """There is no interface of that name in this network namespace."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """One interface at one moment."""

    name: str
    index: int
    mac: str  # its permanent one where it has one
    mtu: int
    up: bool
    kind: str  # of a virtual link ("veth", "bridge"); "" of a device
    driver: DriverInfo
    near: Nearness
    values: Mapping[str, Value]
    limits: Mapping[str, int] = field(default_factory=dict)  # of numbers, where the driver tells
    fixed: frozenset[str] = frozenset()  # settings that the driver lets nobody change
    rss: Rss | None = None
    irqs: tuple[QueueIrq, ...] = ()
    xdp: XdpFeatures | None = None
    attached: tuple[tuple[str, int], ...] = ()  # XDP programs: mode, id
    unseen: Mapping[str, str] = field(default_factory=dict)  # group: why it could not be read

    @property
    def rx_queues(self) -> int:
        """How many RX queues are in use; 0 where the driver does not tell."""
        return _rx_queues(self.values)


def read_link(name: str, files: MachineFiles | None = None) -> LinkState:
    """Return how ``name`` is set up; raise NoSuchLink. What the driver does not tell is missing, and said why."""
    files = files or MachineFiles()
    link = _link(name)
    index = link["index"]
    unseen: dict[str, str] = {}
    driver = _asked("driver", unseen, lambda: read_driver(name)) or DriverInfo("", "")
    told = _asked("irqs", unseen, lambda: read_queue_irqs(index)) or {}
    collected = _Collected()
    _collect_numbers(collected, index, unseen)
    _collect_features(collected, index, unseen)
    rss = _asked("rss", unseen, lambda: read_rss(name))
    if rss is not None:
        collected.values.update(_rss_values(rss))
    irqs = in_use(irqs_of_queues(files, driver.bus, told), collected.values)
    collected.values.update({f"irq.{irq.irq}": format_number_list(irq.cpus) for irq in irqs})
    jit = files.number("proc/sys/" + SYSCTL_JIT.replace(".", "/"))
    if jit is not None:
        collected.values[f"sysctl.{SYSCTL_JIT}"] = jit
    return LinkState(
        name=name,
        index=index,
        mac=link.get("IFLA_PERM_ADDRESS") or link.get("IFLA_ADDRESS") or "",
        mtu=link.get("IFLA_MTU") or 0,
        up=bool(link["flags"] & 1),
        kind=link.get(("IFLA_LINKINFO", "IFLA_INFO_KIND")) or "",
        driver=driver,
        near=read_nearness(files, driver.bus),
        values=collected.values,
        limits=collected.limits,
        fixed=frozenset(collected.fixed),
        rss=rss,
        irqs=irqs,
        xdp=_asked("xdp", unseen, lambda: read_xdp_features(index)),
        attached=tuple(_attached(link)),
        unseen=unseen,
    )


def in_use(irqs: tuple[QueueIrq, ...], values: Mapping[str, Value]) -> tuple[QueueIrq, ...]:
    """Return the interrupts of the queues in use: virtio keeps those of queues that are switched off."""
    queues = _rx_queues(values)
    return tuple(irq for irq in irqs if irq.queue < queues) if queues else irqs


def _rx_queues(values: Mapping[str, Value]) -> int:
    return sum(int(values.get(f"channels.{name}", 0)) for name in ("rx", "combined"))


@dataclass(slots=True)
class _Collected:
    values: dict[str, Value] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)


def _link(name: str) -> Any:
    with IPRoute() as route:
        index = next(iter(route.link_lookup(ifname=name)), None)
        links = [] if index is None else list(route.get_links(index))
    if not links:
        raise NoSuchLink(name)
    return links[0]


def _asked(what: str, unseen: dict[str, str], ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Refusal as refusal:
        unseen[what] = str(refusal)
        return None


def _collect_numbers(into: _Collected, index: int, unseen: dict[str, str]) -> None:
    for group in GROUPS:
        with _noted(group, unseen):
            for name, number in read_numbers(index, group).items():
                key = f"{group}.{name}"
                into.values[key] = ("on" if number.value else "off") if key in FLAGS else number.value
                if number.maximum is not None:
                    into.limits[key] = number.maximum


def _collect_features(into: _Collected, index: int, unseen: dict[str, str]) -> None:
    with _noted("features", unseen):
        for name, feature in read_features(index).items():
            # What was asked for counts where it can be changed: it comes back as soon as nothing holds it down.
            on = feature.active if feature.fixed else feature.wanted or feature.active
            into.values[f"features.{name}"] = "on" if on else "off"
            if feature.fixed:
                into.fixed.add(f"features.{name}")


def _rss_values(rss: Rss) -> dict[str, Value]:
    values: dict[str, Value] = {}
    if rss.key:
        values["rss.key"] = rss.key.hex(":")
    if rss.table:
        values["rss.table"] = format_number_list(rss.table)
    return values


@contextlib.contextmanager
def _noted(group: str, unseen: dict[str, str]) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        unseen[group] = str(refusal)


_XDP_MODES = {1: "native", 2: "generic", 3: "offloaded", 4: "several"}  # linux/if_link.h, XDP_ATTACHED_*
_XDP_IDS = (
    ("native", "IFLA_XDP_DRV_PROG_ID"),
    ("generic", "IFLA_XDP_SKB_PROG_ID"),
    ("offloaded", "IFLA_XDP_HW_PROG_ID"),
)


def _attached(link: Any) -> Iterator[tuple[str, int]]:
    xdp = link.get("IFLA_XDP")
    if xdp is None:
        return
    several = [(mode, xdp.get(attribute)) for mode, attribute in _XDP_IDS if xdp.get(attribute)]
    if several:
        yield from several
    elif xdp.get("IFLA_XDP_PROG_ID"):
        yield _XDP_MODES.get(xdp.get("IFLA_XDP_ATTACHED"), "unknown"), xdp.get("IFLA_XDP_PROG_ID")
