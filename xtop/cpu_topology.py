# SPDX-License-Identifier: BSD-2-Clause
"""Which CPUs are near a device, and which of them share a core."""

from __future__ import annotations

from dataclasses import dataclass

from xtop.machine_files import MachineFiles

_CPUS = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class Nearness:
    """The CPUs that are to serve a NIC."""

    node: int | None  # NUMA node of the device; None = not told, or it has none
    nodes: int  # NUMA nodes that have CPUs
    cpus: tuple[int, ...]  # online CPUs of that node, all where there is none
    cores: tuple[int, ...]  # of them, the first of each core


def read_nearness(files: MachineFiles, bus: str) -> Nearness:
    """Return what is near the device at ``bus`` (a PCI address; "" = a device on no bus)."""
    online = files.numbers(f"{_CPUS}/online") or (0,)
    nodes = [name for name in files.names("sys/devices/system/node") if name.startswith("node") and name[4:].isdigit()]
    peopled = {name: cpus for name in nodes if (cpus := files.numbers(f"sys/devices/system/node/{name}/cpulist"))}
    node = files.number(f"sys/bus/pci/devices/{bus}/numa_node") if bus else None
    node = None if node is None or node < 0 else node
    local = tuple(cpu for cpu in peopled.get(f"node{node}", online) if cpu in online) or online
    return Nearness(node, max(1, len(peopled)), local, tuple(cpu for cpu in local if _leads_core(files, cpu, local)))


def _leads_core(files: MachineFiles, cpu: int, among: tuple[int, ...]) -> bool:
    siblings = files.numbers(f"{_CPUS}/cpu{cpu}/topology/thread_siblings_list") or (cpu,)
    return cpu == min((sibling for sibling in siblings if sibling in among), default=cpu)
