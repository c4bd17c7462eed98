# SPDX-License-Identifier: BSD-2-Clause
"""Whether a capture may be started: by whom, and by which capabilities."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from xtop.capabilities import (
    CAP_IPC_LOCK,
    CAPTURE_NEEDS,
    NAMES,
    FileCapabilities,
    effective_capabilities,
    file_capabilities,
    setcap_line,
)
from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.machine_files import MachineFiles

# One queue of AF_XDP at the default ring: 16,384 descriptors and a burst of 64, 2,048 bytes each.
QUEUE_BYTES = (16384 + 64) * 2048


def rights_findings(files: MachineFiles, program: Path | None, memlock: int | None) -> Iterator[Finding]:
    """Yield the rights of this process and of ``program`` (xtop-capture; None = not found).

    ``memlock`` is the soft limit of locked memory, bytes; None = unlimited.
    """
    own = effective_capabilities(files)
    held = file_capabilities(program) if program is not None else FileCapabilities(frozenset(), False)
    in_force = held if program is not None and not _held_back(files, program) else FileCapabilities(frozenset(), False)
    yield capture_rights(own, in_force, program)
    if program is not None and held.permitted and in_force != held:
        why = "the kernel ignores a file's capabilities on such a mount, or under no_new_privs"
        yield Finding("file capabilities", Verdict.PROBLEM, f"ignored for {program}", why, "install it elsewhere")
    yield memlock_finding(CAP_IPC_LOCK in own | in_force.permitted, memlock)


def capture_rights(own: frozenset[int], held: FileCapabilities, program: Path | None) -> Finding:
    """Say whether xtop-capture will have what it needs, from its starter or from its file."""
    why = (
        f"capture needs {', '.join(NAMES[number] for number in CAPTURE_NEEDS)}, in xtop-capture alone; files need none"
    )
    if program is None:
        return unseen("rights", "xtop-capture is neither beside this Python nor in PATH (run: make build)", why)
    by_file = held.permitted if held.effective else frozenset()
    missing = [NAMES[number] for number in CAPTURE_NEEDS if number not in own | by_file]
    if missing:
        return Finding("rights", Verdict.PROBLEM, f"{', '.join(missing)} missing", why, setcap_line(str(program)))
    if by_file >= set(CAPTURE_NEEDS):
        return Finding("rights", Verdict.OK, f"{program} has them from its file", why)
    found = f"this process has them; for other users: {setcap_line(str(program))}"
    return Finding("rights", Verdict.OK, found, why)


def memlock_finding(exempt: bool, limit: int | None) -> Finding:
    """Say whether the memory of AF_XDP's rings may be locked."""
    each = f"{QUEUE_BYTES >> 20} MiB"
    why = f"AF_XDP locks the memory of its frames, {each} a queue at the default ring"
    if exempt:
        return Finding("locked memory", Verdict.OK, "no limit holds (CAP_IPC_LOCK)", why)
    if limit is None:
        return Finding("locked memory", Verdict.OK, "unlimited", why)
    found = f"limit {limit >> 10} KiB, enough for {limit // QUEUE_BYTES} queues"
    if limit >= QUEUE_BYTES:
        return Finding("locked memory", Verdict.OK, found, why)
    return Finding("locked memory", Verdict.BETTER, found, why, "ulimit -l unlimited, or cap_ipc_lock (setcap above)")


def _held_back(files: MachineFiles, program: Path) -> bool:
    try:
        if os.statvfs(program).f_flag & os.ST_NOSUID:
            return True
    except OSError:
        return True
    return "NoNewPrivs:\t1" in (files.text("proc/self/status") or "")
