# SPDX-License-Identifier: BSD-2-Clause
"""What is run: which NIC under which kernel, and what must come of it there."""

from __future__ import annotations

from dataclasses import dataclass

MODES = ("generic", "copy", "zero-copy")
VIRTIO = "virtio-net-pci,disable-legacy=on,iommu_platform=on"


def names(what: str, *modes: str) -> tuple[str, ...]:
    """Names of checks as the guest knows them: ``modes`` of ``what``, or with ``what`` a number of queues."""
    return tuple(f"{mode}-{what}" if what.isdigit() else f"{what}-{mode}" for mode in modes or MODES)


@dataclass(frozen=True)
class Run:
    """One boot."""

    nic: str  # in the table
    device: str  # as QEMU's -device has it
    series: str  # of the kernel, a key of guest_kernel.SERIES
    checks: tuple[str, ...]
    refusals: tuple[str, ...] = ()  # checks that may be refused here; all others must pass
    tap_queues: int = 0  # see machine.Boot
    cpus: int = 4


NO_NATIVE = (*names("1", "copy", "zero-copy"), *names("jumbo"))
NO_ZERO_COPY = (*names("1", "zero-copy"), *names("4", "zero-copy"), *names("jumbo"))
SEEN = ("features", "auto", "ebpf", "doctor", "tune")
KILLED = ("kill-copy", "kill-ebpf")
LOST = ("loss-copy", "too-long-copy", "too-long-zero-copy")
EVENTS = (*names("kill"), "kill-ebpf", *names("loss"), *names("flap"), *names("queue-change"), *names("removed"))

RUNS = (
    Run("igb", "igb", "7", (*SEEN, *names("1"), *names("4"), *names("jumbo"), "screen"), names("jumbo")),
    Run("igb", "igb", "7", EVENTS),
    Run(
        "virtio_net",
        VIRTIO,
        "7",
        (*SEEN, *names("1"), *names("jumbo"), *names("flap"), *names("kill"), "kill-ebpf", *LOST, *names("removed")),
        names("jumbo", "zero-copy"),
    ),
    Run("virtio_net of 4 queues", VIRTIO, "7", (*names("4"), *names("queue-change")), tap_queues=4),
    Run("virtio_net, iommu_platform=off", VIRTIO[:-2] + "off", "7", names("1"), names("1", "zero-copy")),
    Run(
        "vmxnet3", "vmxnet3", "7", ("features", *names("1"), *names("missed", "generic", "copy")), NO_ZERO_COPY, cpus=1
    ),  # a queue a CPU, and no RSS
    Run("e1000e", "e1000e", "7", ("features", *names("1"), *names("jumbo")), NO_NATIVE, cpus=2),
    Run("8139cp", "rtl8139", "7", ("generic-1", "missed-generic"), cpus=2),  # counts what it has no buffer for
    Run("igb", "igb", "6.12", (*SEEN, *names("1"), *names("4"), *names("jumbo"), *KILLED), NO_ZERO_COPY),
    Run("virtio_net", VIRTIO, "6.12", (*SEEN, *names("1"), *names("jumbo"), *KILLED), NO_ZERO_COPY),
    Run("igb", "igb", "6.1", (*SEEN, *names("1"), *names("4"), *names("jumbo"), *KILLED), NO_ZERO_COPY),
    Run("virtio_net", VIRTIO, "6.1", (*SEEN, *names("1"), *names("jumbo"), *KILLED), NO_ZERO_COPY),
    Run("igb", "igb", "5.15", (*SEEN, *names("1"), *names("4"), *names("jumbo"), *KILLED), NO_ZERO_COPY),
    Run("virtio_net", VIRTIO, "5.15", (*SEEN, *names("1"), *names("jumbo"), *KILLED), NO_ZERO_COPY),
    Run("igb", "igb", "5.10", (*SEEN, *names("1"), *names("4"), "kill-copy"), (*NO_ZERO_COPY, "ebpf")),
)
RATIO = (Run("igb", "igb", "7", ("ratio",)),)
SMOKE = (Run("igb", "igb", "7", ("zero-copy-4", "generic-1")),)
