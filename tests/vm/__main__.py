# SPDX-License-Identifier: BSD-2-Clause
"""Boots guests with NICs that have zero copy, runs the capture tests inside, and prints what came of them.

    python -m tests.vm [--smoke | --ratio] [--nic NAME] [--kernel SERIES] [--check NAME]

xtop must be built (make test-vm does it). Needs no root. What is fetched is kept in build/vm.
"""

from __future__ import annotations

import argparse
import fcntl
import re
import sys
import time
from dataclasses import replace

from .apt_view import Unavailable
from .emulator import Emulator, fetch_emulator
from .guest_kernel import SERIES, GuestKernel, fetch_kernel
from .initramfs import ROOT, build_initramfs
from .machine import Boot, run, taps_refused
from .plan import RATIO, RUNS, SMOKE, Run
from .table import Line, details, faults, lines, summary

CACHE = ROOT / "build" / "vm"
NOT_RUN = 3  # the exit code where nothing failed, but not all was run
LOGS = CACHE / "logs"  # what each guest's kernel said


def say(text: str) -> None:
    """Tell how far things are; the table alone goes to standard output."""
    print(f"vm: {text}", file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tests.vm", description="The capture tests in a guest with zero copy.")
    parser.add_argument("--smoke", action="store_true", help="the short run; good where nothing can be fetched")
    parser.add_argument("--ratio", action="store_true", help="packets a second of the modes, as ratios, instead")
    parser.add_argument("--nic", help="this NIC only")
    parser.add_argument("--kernel", choices=SERIES, help="this kernel only")
    parser.add_argument("--check", action="append", help="this check only (may repeat)")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Run]:
    """Return the boots that were asked for."""
    runs: list[Run] = []
    for item in SMOKE if options.smoke else RATIO if options.ratio else RUNS:
        if options.nic in (None, item.nic) and options.kernel in (None, item.series):
            checks = tuple(name for name in item.checks if not options.check or name in options.check)
            runs += [replace(item, checks=checks)] if checks else []
    return runs


def fetch_kernels(runs: list[Run], emulator: Emulator) -> dict[str, GuestKernel | Unavailable]:
    """Have the kernels, from packages the first time; of those that cannot be had, the reason: the others run."""
    kernels: dict[str, GuestKernel | Unavailable] = {}
    for series in dict.fromkeys(item.series for item in runs):
        try:
            kernels[series] = fetch_kernel(CACHE, series, emulator)
        except Unavailable as reason:
            say(f"NOT RUN: {series}: {reason}")
            kernels[series] = reason
    return kernels


def boot_all(runs: list[Run], emulator: Emulator, kernels: dict[str, GuestKernel | Unavailable]) -> list[Line]:
    """Run everything; the lines of the table."""
    rows: list[Line] = []
    for series, kernel in kernels.items():
        if isinstance(kernel, Unavailable):
            rows += [
                Line(item.nic, series, check, "not run", f"no such kernel: {kernel}", False)
                for item in runs
                for check in item.checks
                if item.series == series
            ]
            continue
        initramfs = CACHE / f"initramfs-{series}"
        build_initramfs(initramfs, emulator, kernel)
        for number, item in enumerate(item for item in runs if item.series == series):
            if item.tap_queues and (refusal := taps_refused()):
                say(f"NOT RUN: {item.nic}: {refusal}")
                rows += [Line(item.nic, kernel.version, check, "not run", refusal, True) for check in item.checks]
                continue
            log = LOGS / f"{re.sub('[^a-z0-9_]+', '-', item.nic)}-{series}-{number}.log"
            boot = Boot(kernel, initramfs, item.device, item.checks, log, item.tap_queues, item.cpus)
            say(f"{item.nic}, {kernel.version}: {len(item.checks)} checks")
            outcome = run(boot, emulator, say)
            stalls = f", {outcome.stalls} stalled before" if outcome.stalls else ""
            say(f"{item.nic}, {kernel.version}: {outcome.seconds:.0f} s{stalls}")
            rows += lines(item, kernel.version, outcome)
    return rows


def main() -> int:
    """Return 0 where all came out as it must, 1 where something did not, NOT_RUN where only kernels were missing."""
    options = parse_arguments()
    runs = chosen(options)
    if not runs:
        say("nothing matches")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    with CACHE.joinpath(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        try:
            emulator = fetch_emulator(CACHE)
        except Unavailable as reason:
            say(f"NOT RUN: QEMU cannot be fetched ({reason})")
            return 0 if options.smoke else NOT_RUN
        kernels = fetch_kernels(runs, emulator)
        had = [kernel for kernel in kernels.values() if isinstance(kernel, GuestKernel)]
        versions = ", ".join(kernel.version for kernel in had) or "no kernel"
        say(f"QEMU and {versions} after {time.monotonic() - began:.0f} s")
        rows = boot_all(runs, emulator, kernels)
    print(f"{summary(rows)}\n\n{details(rows)}{faults(rows)}")
    for kernel in had:
        print(f"\nZero-copy drivers of {kernel.version}: {', '.join(kernel.zero_copy_drivers)}")
    if any(not row.good and row.outcome != "not run" for row in rows):
        return 1
    return NOT_RUN if any(not row.good for row in rows) and not (options.smoke and not had) else 0


if __name__ == "__main__":
    sys.exit(main())
