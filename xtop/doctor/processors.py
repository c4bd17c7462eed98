# SPDX-License-Identifier: BSD-2-Clause
"""CPUs: how many, at which clock, how deep they sleep, and how much of them the hypervisor takes away."""

from __future__ import annotations

import time
from collections.abc import Iterator

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.machine_files import MachineFiles

_CPUS = "sys/devices/system/cpu"
_STEAL = 7  # field of a cpu line of /proc/stat after its name (proc(5)); user and nice hold the guests' time already
_FIELDS = 8
_STEAL_NOTICEABLE, _STEAL_LOSSY = 0.001, 0.01
_SLEEP_LONG_US = 50  # a ring of 4,096 lasts 275 µs at 14.88 Mpps

Times = dict[str, tuple[int, int]]  # cpu: stolen, all; ticks


def processor_findings(files: MachineFiles, window_s: float) -> Iterator[Finding]:
    """Yield what there is to say of the CPUs; looks at stolen time for ``window_s`` seconds."""
    online = files.numbers(f"{_CPUS}/online")
    why = "one thread a queue, one CPU a thread"
    yield Finding("CPUs", Verdict.OK, f"{len(online)} online", why) if online else unseen("CPUs", "no /sys", why)
    yield governor_finding(files, online)
    yield idle_finding(files)
    first = processor_times(files.text("proc/stat") or "")
    time.sleep(window_s)
    yield stolen_finding(first, processor_times(files.text("proc/stat") or ""), window_s)
    yield balance_finding(is_running(files, "irqbalance"))


def governor_finding(files: MachineFiles, online: tuple[int, ...]) -> Finding:
    """Say whether CPUs keep their clock up."""
    why = "a CPU that has to speed up first falls behind a burst"
    governors = {files.text(f"{_CPUS}/cpu{cpu}/cpufreq/scaling_governor") for cpu in online} - {None}
    if not governors:
        return Finding("CPU governor", Verdict.OK, "none here: the host or the firmware sets the clock", why)
    found = ", ".join(sorted(filter(None, governors)))
    if governors == {"performance"}:
        return Finding("CPU governor", Verdict.OK, found, why)
    return Finding("CPU governor", Verdict.BETTER, found, why, "sudo cpupower frequency-set -g performance")


def idle_finding(files: MachineFiles) -> Finding:
    """Say how long the deepest sleep in use takes to wake from."""
    why = "packets wait in the ring while a CPU wakes up"
    driver = files.text(f"{_CPUS}/cpuidle/current_driver")
    states = [f"{_CPUS}/cpu0/cpuidle/{name}" for name in files.names(f"{_CPUS}/cpu0/cpuidle")]
    enabled = [state for state in states if files.number(f"{state}/disable") == 0]
    if not enabled:
        return Finding("CPU idle", Verdict.OK, f"no idle states (driver {driver or 'none'})", why)
    latency, state = max((files.number(f"{state}/latency") or 0, state) for state in enabled)
    name = files.text(f"{state}/name")
    found = f"deepest {name}, {latency} µs to wake (driver {driver})"
    if latency <= _SLEEP_LONG_US:
        return Finding("CPU idle", Verdict.OK, found, why)
    return Finding("CPU idle", Verdict.BETTER, found, why, f"sudo cpupower idle-set -D {_SLEEP_LONG_US}")


def processor_times(stat: str) -> Times:
    """Return the stolen and all ticks of each CPU, and of "cpu", all of them together, out of /proc/stat."""
    times = {}
    for line in stat.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and len(fields) >= _FIELDS:
            ticks = [int(field) for field in fields[:_FIELDS]]
            times[name] = (ticks[_STEAL], sum(ticks))
    return times


def stolen_finding(first: Times, second: Times, window_s: float) -> Finding:
    """Say how much of the CPUs was taken away, since the start of the machine and between two readings."""
    why = "a virtual CPU that is stopped takes nothing off its ring: packets are lost, whatever the settings"
    if "cpu" not in second:
        return unseen("stolen time", "/proc/stat tells nothing of it", why)
    since_start = _share(second["cpu"])
    shares = {
        name: _share((second[name][0] - first[name][0], second[name][1] - first[name][1]))
        for name in second
        if name in first and name != "cpu"
    }
    worst = max(shares, key=lambda name: shares[name], default="")
    found = f"{since_start:.2%} since the start"
    if worst:
        found += f", {shares[worst]:.1%} of {worst} in the last {window_s:g} s"
    highest = max(since_start, *shares.values()) if shares else since_start
    verdict = Verdict.OK
    if highest >= _STEAL_NOTICEABLE:
        verdict = Verdict.PROBLEM if highest >= _STEAL_LOSSY else Verdict.BETTER
    command = "xtop --ring 65536 bridges short gaps; else fewer guests on that host, or CPUs of its own for this one"
    return Finding("stolen time", verdict, found, why, "" if verdict is Verdict.OK else command)


def balance_finding(running: bool) -> Finding:
    """Say whether a daemon moves interrupts about."""
    why = "it moves the interrupts of queues away from the CPUs that xtop's threads are pinned to"
    if not running:
        return Finding("irqbalance", Verdict.OK, "not running", why)
    return Finding("irqbalance", Verdict.BETTER, "running", why, "sudo systemctl stop irqbalance, then xtop tune")


def is_running(files: MachineFiles, command: str) -> bool:
    """Say whether a process of that name runs."""
    return any(files.text(f"proc/{name}/comm") == command for name in files.names("proc") if name.isdigit())


def _share(ticks: tuple[int, int]) -> float:
    return ticks[0] / ticks[1] if ticks[1] > 0 else 0.0
