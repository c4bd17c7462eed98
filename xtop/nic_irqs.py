# SPDX-License-Identifier: BSD-2-Clause
"""The interrupts of a NIC's RX queues, and the CPUs that they go to.

Which interrupt is which queue's, newer drivers tell (netdev-genl); of others the name in /proc/interrupts says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xtop.machine_files import MachineFiles

# "eth1-TxRx-3", "i40e-eth1-TxRx-3", "ens5-Tx-Rx-3", "virtio2-input.3", "eth1-rx-3", "mlx5_comp3@pci:0000:03:00.0"
_OF_QUEUE = re.compile(r"(?:TxRx|Tx-Rx|input|\brx|comp|Queue)[-_.]?(?P<queue>\d+)(?:@|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QueueIrq:
    """The interrupt of one RX queue."""

    queue: int
    irq: int
    cpus: tuple[int, ...]  # it may go to these


def read_queue_irqs(files: MachineFiles, bus: str, told: Mapping[int, int]) -> tuple[QueueIrq, ...]:
    """Return the interrupts of the device at ``bus``, by queue; ``told`` are those that its driver named."""
    found = dict(told) or _by_name(files, bus)
    return tuple(
        QueueIrq(queue, irq, files.numbers(f"proc/irq/{irq}/smp_affinity_list"))
        for queue, irq in sorted(found.items())
        if files.exists(f"proc/irq/{irq}")
    )


def _by_name(files: MachineFiles, bus: str) -> dict[int, int]:
    own = {int(name) for name in files.names(f"sys/bus/pci/devices/{bus}/msi_irqs") if name.isdigit()} if bus else set()
    found: dict[int, int] = {}
    for line in (files.text("proc/interrupts") or "").splitlines():
        number, _, rest = line.partition(":")
        if number.strip().isdigit() and int(number) in own and (match := _OF_QUEUE.search(rest.strip())):
            found.setdefault(int(match["queue"]), int(number))
    return found
