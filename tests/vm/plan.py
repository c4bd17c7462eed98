# SPDX-License-Identifier: BSD-2-Clause
"""What is run: which NIC under which kernel, and what must come of it there."""

from __future__ import annotations

from dataclasses import dataclass

MODES = ("generic", "copy", "zero copy")


def mode_checks(*queues: int) -> tuple[str, ...]:
    """Names of the checks of all modes over so many queues, as the guest knows them."""
    return tuple(f"{mode.replace(' ', '-')}-{count}" for mode in MODES for count in queues)


@dataclass(frozen=True)
class Run:
    """One boot."""

    nic: str  # in the table
    device: str  # as QEMU's -device has it
    series: str  # of the kernel, a key of guest_kernel.SERIES
    checks: tuple[str, ...]
    refusals: tuple[str, ...] = ()  # checks that may be refused here; all others must pass


EVENTS = tuple(f"{event}-{mode.replace(' ', '-')}" for event in ("kill", "loss", "flap", "removed") for mode in MODES)

RUNS = (Run("igb", "igb", "7", (*mode_checks(1, 4), *EVENTS, "queue-change")),)
SMOKE = (Run("igb", "igb", "7", ("zero-copy-4", "generic-1")),)
