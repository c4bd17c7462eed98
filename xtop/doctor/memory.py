# SPDX-License-Identifier: BSD-2-Clause
"""Huge pages: reserved ones for the frames of AF_XDP, transparent ones for the flow table."""

from __future__ import annotations

from collections.abc import Iterator

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.doctor.rights import QUEUE_BYTES
from xtop.machine_files import MachineFiles

_POOL = "sys/kernel/mm/hugepages/hugepages-2048kB"
_THP = "sys/kernel/mm/transparent_hugepage/enabled"
_PER_QUEUE = -(-QUEUE_BYTES // (2 << 20))


def memory_findings(files: MachineFiles) -> Iterator[Finding]:
    """Yield what there is of huge pages."""
    transparent = chosen(files.text(_THP) or "")
    why = "fewer TLB misses when a flow of a large table is looked up"
    if transparent is None:
        yield unseen("transparent huge pages", f"/{_THP} is not there", why)
    else:
        off = transparent == "never"
        command = f"echo madvise | sudo tee /{_THP}" if off else ""
        yield Finding("transparent huge pages", Verdict.BETTER if off else Verdict.OK, transparent, why, command)
    yield _reserved(files, transparent)


def chosen(text: str) -> str | None:
    """Return the word in brackets of a line such as "always [madvise] never"; None where there is none."""
    _, bracket, rest = text.partition("[")
    return rest.partition("]")[0] if bracket else None


def _reserved(files: MachineFiles, transparent: str | None) -> Finding:
    why = f"frames of AF_XDP go there first ({_PER_QUEUE} pages a queue at the default ring), else on transparent ones"
    free = files.number(f"{_POOL}/free_hugepages")
    if free is None:
        return unseen("reserved huge pages", f"/{_POOL} is not there", why)
    found = f"{free} of 2 MiB free"
    if free >= _PER_QUEUE or transparent not in {None, "never"}:
        return Finding("reserved huge pages", Verdict.OK, found, why)
    return Finding("reserved huge pages", Verdict.BETTER, found, why, f"sudo sysctl vm.nr_hugepages={_PER_QUEUE * 2}")
