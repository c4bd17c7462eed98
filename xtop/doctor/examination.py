# SPDX-License-Identifier: BSD-2-Clause
"""Puts the findings together: of the machine, and of each interface that is asked for."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xtop.capture_process import PROGRAM, find_program
from xtop.doctor.finding import Finding, Verdict
from xtop.doctor.kernel import kernel_findings
from xtop.doctor.link_capture import capture_finding
from xtop.doctor.link_identity import identity_finding, program_findings
from xtop.doctor.link_modes import mode_findings
from xtop.doctor.link_offloads import offload_findings
from xtop.doctor.link_queues import queue_findings
from xtop.doctor.memory import memory_findings
from xtop.doctor.processors import processor_findings
from xtop.doctor.rights import rights_findings
from xtop.doctor.sandbox import sandbox_findings
from xtop.interfaces import list_interfaces
from xtop.link_state import LinkState, NoSuchLink, read_link
from xtop.machine_files import MachineFiles
from xtop.source import SourceError

STOLEN_WINDOW_S = 0.5
_VIRTUAL_SHOWN = ("veth", "tun")  # of the virtual links those that packets are captured on


@dataclass(frozen=True, slots=True)
class LinkExamination:
    """The findings of one interface."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was looked at. ``short`` asks for a line an interface rather than all of its findings."""

    machine: tuple[Finding, ...]
    links: tuple[LinkExamination, ...]
    short: bool

    def count(self, verdict: Verdict) -> int:
        """Return how many findings have that verdict."""
        every = list(self.machine) + [finding for link in self.links for finding in link.findings]
        return sum(finding.verdict is verdict for finding in every)


def examine(names: Sequence[str], files: MachineFiles) -> Examination:
    """Look at the machine and at the interfaces ``names``; without names at every one that may be captured on."""
    states = [_read(name, files) for name in names] if names else _all_links(files)
    machine = [*kernel_findings(files, os.uname().release)]
    machine += rights_findings(files, _program(), _memlock())
    machine += sandbox_findings(files)
    machine += memory_findings(files)
    machine += processor_findings(files, STOLEN_WINDOW_S)
    return Examination(tuple(machine), tuple(_examined(state) for state in states), short=not names)


def _examined(state: LinkState) -> LinkExamination:
    findings = [identity_finding(state), capture_finding(state), *mode_findings(state)]
    findings += [*queue_findings(state), *offload_findings(state), *program_findings(state)]
    return LinkExamination(state.name, tuple(findings))


def _read(name: str, files: MachineFiles) -> LinkState:
    try:
        return read_link(name, files)
    except NoSuchLink:
        known = ", ".join(interface.name for interface in list_interfaces())
        raise SourceError(f"there is no interface {name} (there are {known}; see ip link)", 2) from None


def _all_links(files: MachineFiles) -> list[LinkState]:
    states = []
    for interface in list_interfaces():
        try:
            state = read_link(interface.name, files)
        except NoSuchLink:
            continue  # it went meanwhile
        if not interface.loopback and (not state.kind or state.kind in _VIRTUAL_SHOWN):
            states.append(state)
    return states


def _program() -> Path | None:
    try:
        return Path(find_program(PROGRAM)).resolve()
    except SourceError:
        return None


def _memlock() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return None if soft == resource.RLIM_INFINITY else soft
