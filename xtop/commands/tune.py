# SPDX-License-Identifier: BSD-2-Clause
"""``xtop tune``: the plan for a link; ``--apply`` carries it out, ``--undo`` puts back what was before."""

from __future__ import annotations

import argparse
import os
import sys

from xtop.capabilities import CAP_NET_ADMIN, effective_capabilities
from xtop.doctor.processors import is_running
from xtop.interfaces import in_use, list_interfaces
from xtop.link_state import LinkState, NoSuchLink, read_link
from xtop.machine_files import MachineFiles
from xtop.plain_output import write_text
from xtop.source import SourceError
from xtop.tune.apply import Tuner, open_changes
from xtop.tune.lookup import find_record
from xtop.tune.outcome import Outcome
from xtop.tune.plan import make_plan
from xtop.tune.record import RecordError, RecordStore, state_directory
from xtop.tune.report import Report, report_json, report_text
from xtop.tune.undo import undo
from xtop.tune.writing import phase_of


def run(options: argparse.Namespace) -> int:
    """Plan, apply or undo, and say what came of it."""
    name = _one_interface(options.interface)
    files = MachineFiles()
    if options.force and not options.undo:
        raise SourceError("--force is for --undo (leave it out, or say --undo)", 2)
    state = _read(name, files)
    store = RecordStore(state_directory(os.environ, os.geteuid() == 0), files)
    action = "apply" if options.apply else "undo" if options.undo else "plan"
    if action != "plan" and CAP_NET_ADMIN not in effective_capabilities(files):
        raise SourceError(f"cannot tune {name} (CAP_NET_ADMIN is missing; run: sudo xtop tune -i {name} --{action})", 3)
    try:
        report = _ACTIONS[action](state, store, files, bool(options.force))
    except RecordError as error:
        raise SourceError(str(error), 1) from None
    except NoSuchLink:
        raise SourceError(f"{name} is gone (it was removed meanwhile; nothing is left to tune)", 1) from None
    write_text(sys.stdout, report_json(report) if options.format == "json" else report_text(report))
    return 0


def _plan(state: LinkState, store: RecordStore, files: MachineFiles, force: bool) -> Report:
    found = find_record(store, state)
    notes = [found.note] if found.note else []
    if found.record is not None:
        notes.append(f"{len(found.record.settings)} settings are xtop's already; --undo puts back what was before")
    changes = open_changes(state, found.record)
    if changes and (reason := in_use(state.name)) is not None:
        notes.append(f"a driver may take its link down for a second or two, and {reason}")
    if any(phase_of(change.key) == "irq" for change in changes) and is_running(files, "irqbalance"):
        notes.append("irqbalance runs, and will move the interrupts again (sudo systemctl stop irqbalance)")
    return Report(state, "plan", make_plan(state), changes, notes=notes)


def _apply(state: LinkState, store: RecordStore, files: MachineFiles, force: bool) -> Report:
    with store.locked():
        found = find_record(store, state)
        notes = [found.note] if found.note else []
        for outdated in filter(None, (found.lost, found.doubtful)):
            outdated.settings.clear()
            store.keep(outdated)
        record = found.record or store.fresh(state)
        record.name = state.name
        tuner = Tuner(lambda: read_link(state.name, files), store, record, files)
        outcomes = list(tuner.apply())
        now = read_link(state.name, files)
    return Report(now, "apply", make_plan(now), open_changes(now, record), outcomes, notes)


def _undo(state: LinkState, store: RecordStore, files: MachineFiles, force: bool) -> Report:
    with store.locked():
        found = find_record(store, state)
        notes = [found.note] if found.note else []
        if found.lost is not None:
            found.lost.settings.clear()
            store.keep(found.lost)
        record = found.record or (found.doubtful if force else None)
        if record is None and found.doubtful is not None:
            raise SourceError(
                f"not undoing on {state.name} (it has the address {state.mac} and had {found.doubtful.mac} when it was"
                " tuned; give --force if it is the same interface)",
                2,
            )
        outcomes: list[Outcome] = []
        if record is not None:
            outcomes += undo(lambda: read_link(state.name, files), store, record, files, force)
        now = read_link(state.name, files)
    return Report(now, "undo", make_plan(now), (), outcomes, notes)


_ACTIONS = {"plan": _plan, "apply": _apply, "undo": _undo}


def _one_interface(names: list[str] | None) -> str:
    if not names:
        raise SourceError("nothing to tune (name an interface with -i)", 2)
    if len(set(names)) > 1:
        raise SourceError(f"cannot tune {' and '.join(names)} at once (run xtop tune for each)", 2)
    return names[0]


def _read(name: str, files: MachineFiles) -> LinkState:
    try:
        return read_link(name, files)
    except NoSuchLink:
        known = ", ".join(interface.name for interface in list_interfaces())
        raise SourceError(f"there is no interface {name} (there are {known}; see ip link)", 2) from None
