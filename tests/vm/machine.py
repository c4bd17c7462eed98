# SPDX-License-Identifier: BSD-2-Clause
"""One boot of a guest: QEMU's command line, its two serial ports, and the emulation's own stall.

The kernel writes to the first port; the guest's runner writes to the second, a JSON object a line. Now and then (about
one boot in 25) a virtual CPU loses its timer under software emulation, and the kernel says "rcu_preempt detected
stalls". That is tried again with the checks that have not come to their end, and it is said; and so is, for nothing
of xtop's has run before, a guest that never says its first word, be it that it hangs or that its kernel dies while it
comes up (Debian's 7.3.4 has, 1.4 s after its start; one that always does fails all the same). Its init leaves marks in
the log of how far it came; of a kernel that died its own lines are told that name the fault and the place.

The guest bounds each check by itself. A guest that says nothing for longer than that hangs, and is ended: the check
that it was at says so in the table, those after it were not reached. What the guest's kernel said stays in a file.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .emulator import Emulator
from .guest_kernel import GuestKernel

STALL = re.compile("rcu_(preempt|sched) (detected stalls|self-detected stall|kthread starved)")  # sched: Debian's 5.10
FAULT = re.compile(r"BUG: .*|Oops.*|general protection fault.*|divide error.*|invalid opcode.*|RIP: .*|Kernel panic.*")
TRIES = 3
SILENCE_S = 60.0  # besides what the guest gives a check: for what that check does to clean up
BOOT_S = 120.0  # to the guest's first word; usually 5 to 15
LONGEST_S = 600.0  # of a guest, all attempts together; some take 150 where others want the machine, too
Tell = Callable[[dict[str, Any]], None]
SENDER_MAC, CAPTURED_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"

# A network namespace that goes with QEMU; an ordinary user's is in a user namespace, where he may make links.
APART = ("unshare", "--net", *(() if os.geteuid() == 0 else ("--map-root-user",)))
# In it: two taps on a bridge that learns nothing, so that it passes on each frame.
TAPS = """
ip link add hub type bridge mcast_snooping 0
ip tuntap add sending mode tap
ip tuntap add captured mode tap multi_queue
for link in sending captured; do
    echo 1 >/proc/sys/net/ipv6/conf/$link/disable_ipv6
    ip link set $link master hub up
    ip link set $link type bridge_slave learning off mcast_flood on
done
echo 1 >/proc/sys/net/ipv6/conf/hub/disable_ipv6
ip link set hub up
exec "$@"
"""


@dataclass
class Boot:
    """What to start."""

    kernel: GuestKernel
    initramfs: Path
    device: str  # the captured NIC, as QEMU's -device has it
    checks: tuple[str, ...]
    log: Path  # where the guest's kernel writes; of an attempt that was not the last, "….1.log" after it
    tap_queues: int = 0  # over a bridge of taps with so many queues each instead of QEMU's own hub
    cpus: int = 4


@dataclass
class Outcome:
    """What came of it."""

    results: dict[str, dict[str, Any]] = field(default_factory=dict)  # of checks that came to their end
    at: str = ""  # the check that has begun and not ended
    patience: float = BOOT_S  # how long it may say nothing
    kernel_log: str = ""
    began: float = field(default_factory=time.monotonic)
    stalls: int = 0
    up: bool = False  # this attempt's guest has said its first word
    ended: bool = False  # the guest said that it was through
    overdue: str = ""  # why it was ended

    @property
    def seconds(self) -> float:
        """Since the first attempt's begin."""
        return time.monotonic() - self.began

    @property
    def stalled(self) -> bool:
        return bool(STALL.search(self.kernel_log))

    @property
    def last_words(self) -> str:
        """What the log ends with; of a kernel that died what it died of and where, which many lines follow."""
        found = list(dict.fromkeys(match[0] for match in FAULT.finditer(self.kernel_log)))
        return " / ".join(found[:4] or self.kernel_log.strip().splitlines()[-3:]) or "nothing"

    def missing(self, check: str) -> str:
        """Say why a check has no result."""
        why = self.overdue or ("stalled" if self.stalled else "died")
        if check == self.at or not self.at:
            return f"the guest {why}; its kernel's last words: {self.last_words}"
        return f"not reached: the guest {why} in {self.at}"

    def take(self, line: dict[str, Any]) -> None:
        """Take up a line of the guest's."""
        self.up = True
        if line["check"] == "end":
            self.ended = True
        elif line.get("outcome") == "begun":
            self.at, self.patience = line["check"], line["deadline"] + SILENCE_S
        elif "outcome" in line:
            self.results[line["check"]] = line
            self.at = ""


def taps_refused() -> str:
    """Why there can be no taps here, "" = there can; without root it takes user namespaces and /dev/net/tun for all."""
    command = [*APART, "sh", "-ec", TAPS, "taps", "true"]
    said = subprocess.run(command, capture_output=True, text=True).stderr.strip()
    return f"no taps in a network namespace of one's own ({said})" if said else ""


def _over_hub(boot: Boot) -> list[str]:
    words: list[str] = []
    for number, device in ((1, f"virtio-net-pci,mac={SENDER_MAC}"), (2, f"{boot.device},mac={CAPTURED_MAC}")):
        words += ["-netdev", f"hubport,id=n{number},hubid=1", "-device", f"{device},netdev=n{number},romfile="]
    return words


def _over_taps(boot: Boot) -> list[str]:
    captured = f"tap,id=n2,ifname=captured,script=no,downscript=no,vhost=off,queues={boot.tap_queues}"
    return [
        *("-netdev", "tap,id=n1,ifname=sending,script=no,downscript=no,vhost=off"),
        *("-device", f"virtio-net-pci,mac={SENDER_MAC},netdev=n1,romfile="),
        *("-netdev", captured),
        *("-device", f"{boot.device},mac={CAPTURED_MAC},netdev=n2,romfile=,mq=on,vectors={2 * boot.tap_queues + 2}"),
    ]


def _command(boot: Boot, emulator: Emulator, results_fd: int) -> list[str]:
    words = f"console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off xtop.checks={','.join(boot.checks)}"
    return [
        *((*APART, "sh", "-ec", TAPS, "taps") if boot.tap_queues else ()),
        *emulator.qemu(),
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(boot.cpus), "-m", "1536", "-machine", "q35"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-kernel", str(boot.kernel.image), "-initrd", str(boot.initramfs), "-append", words),
        *("-chardev", f"file,id=log,path={boot.log}", "-serial", "chardev:log"),
        *("-chardev", f"file,id=results,path=/dev/fd/{results_fd}", "-serial", "chardev:results"),
        *(_over_taps(boot) if boot.tap_queues else _over_hub(boot)),
    ]


def _follow(process: subprocess.Popen[bytes], results: int, outcome: Outcome, log: Path, tell: Tell) -> None:
    """Gather result lines until the guest is through, has stalled or hangs."""
    rest = b""
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(results, selectors.EVENT_READ)
        while not (outcome.ended or outcome.overdue or outcome.stalled):
            if selector.select(1.0):
                part = os.read(results, 1 << 16)
                if not part:
                    return
                heard = time.monotonic()
                *lines, rest = (rest + part).split(b"\n")
                for line in (json.loads(line) for line in lines if line.strip()):
                    outcome.take(line)
                    tell(line)
            elif process.poll() is not None:
                return
            if time.monotonic() - heard > outcome.patience:
                outcome.overdue = f"hung (no word for {outcome.patience:.0f} s)"
            elif outcome.seconds > LONGEST_S:
                outcome.overdue = f"was not through within {LONGEST_S:.0f} s"
            outcome.kernel_log = log.read_text(errors="replace") if log.exists() else ""


def _boot_once(boot: Boot, emulator: Emulator, outcome: Outcome, tell: Tell) -> None:
    boot.log.unlink(missing_ok=True)
    reading, writing = os.pipe()
    with boot.log.with_suffix(".qemu").open("w+b") as said:
        process = subprocess.Popen(
            _command(boot, emulator, writing),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            pass_fds=(writing,),
        )
        os.close(writing)
        try:
            _follow(process, reading, outcome, boot.log, tell)
        finally:
            process.kill()
            process.wait()
            os.close(reading)
        said.seek(0)
        outcome.kernel_log = boot.log.read_text(errors="replace") if boot.log.exists() else ""
        outcome.kernel_log += "" if outcome.ended else said.read().decode(errors="replace")


def run(boot: Boot, emulator: Emulator, say: Callable[[str], None]) -> Outcome:
    """Boot, and again only where the emulation itself stalled, for the checks that are left."""
    outcome = Outcome()

    def tell(line: dict[str, Any]) -> None:
        if "seconds" in line:
            words = f" ({' '.join(line['words'].split())})" if line["outcome"] == "fault" else ""
            say(f"{outcome.seconds:4.0f} s  {line['check']}: {line['outcome']} after {line['seconds']} s{words}")

    while True:
        left = tuple(check for check in boot.checks if check not in outcome.results)
        outcome.at, outcome.patience, outcome.kernel_log, outcome.overdue, outcome.up = "", BOOT_S, "", "", False
        _boot_once(replace(boot, checks=left), emulator, outcome, tell)
        again = not outcome.up or (outcome.stalled and not outcome.overdue)
        if outcome.ended or not again or outcome.stalls + 1 == TRIES:
            return outcome
        outcome.stalls += 1
        boot.log.rename(boot.log.with_suffix(f".{outcome.stalls}.log"))
        what = "a virtual CPU stalled (rcu)" if outcome.up else f"the guest did not come up ({outcome.last_words})"
        say(f"{what} after {outcome.seconds:.0f} s; once more")
