# SPDX-License-Identifier: BSD-2-Clause
"""What an interface is: its driver, whether it is up, which BPF programs sit on it."""

from __future__ import annotations

from collections.abc import Iterator

from xtop.doctor.bpf_programs import Hooked, NotSeen, clsact_programs, program_name, tcx_programs
from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.link_state import LinkState

_OWN_PREFIX = "xsk_redirect"  # the functions of bpf/xsk_redirect.bpf.c; the kernel keeps 15 characters


def identity_finding(state: LinkState) -> Finding:
    """Say who drives the link, and whether it is up."""
    named = state.driver.bus not in {"", "N/A", state.driver.driver}  # a virtual link is at no bus, and some say so
    where = f" at {state.driver.bus}" if named else ""
    kind = f", a virtual link ({state.kind})" if state.kind else ""
    found = f"{state.driver.driver or 'not told'}{where}{kind}, {'up' if state.up else 'down'}"
    why = "the driver decides which modes there are"
    command = "" if state.up else f"sudo ip link set {state.name} up"
    return Finding("driver", Verdict.OK if state.up else Verdict.PROBLEM, found, why, command)


def program_findings(state: LinkState) -> Iterator[Finding]:
    """Yield the XDP programs and the programs on the tcx hooks that are there already."""
    xdp = [Hooked(f"XDP {mode}", number, program_name(number)) for mode, number in state.attached]
    yield xdp_finding(state.name, xdp)
    why = "programs on tcx run before xtop's counting, or after it, and may drop what it would count"
    try:
        hooked = tcx_programs(state.index) + clsact_programs(state.index)
    except NotSeen as reason:
        yield unseen("tc programs", f"{reason} (root sees them)", why)
        return
    yield Finding("tc programs", Verdict.OK, _listed(hooked) or "none on tcx and clsact", why)


def xdp_finding(interface: str, programs: list[Hooked]) -> Finding:
    """Say which XDP programs are on ``interface``, and whose."""
    why = "there is room for one, and xtop never removes another's; xtop's own goes with its process"
    if not programs:
        return Finding("XDP program", Verdict.OK, "none", why)
    foreign = [program for program in programs if not program.name.startswith(_OWN_PREFIX)]
    command = f"stop what loaded it, or: sudo ip link set {interface} xdp off" if foreign else ""
    return Finding("XDP program", Verdict.PROBLEM if foreign else Verdict.OK, _listed(programs), why, command)


def _listed(programs: list[Hooked]) -> str:
    return ", ".join(f"{one.hook}: {one.name or 'name not seen'} (id {one.id})" for one in programs)
