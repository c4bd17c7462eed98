# SPDX-License-Identifier: BSD-2-Clause
"""Puts back what was there before ``--apply``, and only what xtop changed and nobody else changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xtop.link_state import LinkState, Value
from xtop.machine_files import MachineFiles
from xtop.tune.outcome import Outcome
from xtop.tune.record import Kept, Record, RecordStore
from xtop.tune.writing import PHASES, phase_of, write_values


def undo(
    read: Callable[[], LinkState], store: RecordStore, record: Record, files: MachineFiles, force: bool
) -> Iterator[Outcome]:
    """Restore the settings of ``record``; yield what became of each. What could not be restored stays in the record."""
    yield from _hand_over(store, record)
    for phase in PHASES:
        state = read()
        kept = {key: value for key, value in record.settings.items() if phase_of(key) == phase}
        if not kept:
            continue
        due: dict[str, Value] = {}
        for key, value in kept.items():
            outcome = _judge(key, value, state.values.get(key), force)
            if outcome is None:
                due[key] = value.before
                continue
            yield outcome
            if outcome.result != "left":
                del record.settings[key]
        if due:
            yield from _restore(read, state, record, due, files)
        store.keep(record)


def _judge(key: str, kept: Kept, now: Value | None, force: bool) -> Outcome | None:
    """Return what there is to say of a setting that is not to be written; None where it is."""
    if now is None:
        return Outcome(key, None, kept.before, None, "gone", "there is no such setting any more")
    if now == kept.before:
        return Outcome(key, now, kept.before, now, "changed", "it was so already")
    if now != kept.applied and not force:
        words = f"somebody else changed it since xtop set {kept.applied}; --force restores it all the same"
        return Outcome(key, now, kept.before, now, "left", words)
    return None


def _restore(
    read: Callable[[], LinkState], state: LinkState, record: Record, due: dict[str, Value], files: MachineFiles
) -> Iterator[Outcome]:
    refusals = write_values(state, due, files)
    after = read().values
    waiting = [key for key in record.settings if key not in due and key in state.values]
    record.follow({key: state.values[key] for key in waiting}, after)
    for key, before in due.items():
        now = after.get(key)
        if now == before:
            del record.settings[key]
            yield Outcome(key, state.values[key], before, now, "changed")
        else:
            said = refusals.get(key, "the driver took it, and it is something else")
            yield Outcome(key, state.values[key], before, now, "refused", said)


def _hand_over(store: RecordStore, record: Record) -> Iterator[Outcome]:
    """Leave what is the whole machine's to the record of another interface that is still tuned."""
    shared = [key for key in record.settings if phase_of(key) == "sysctl"]
    mine = (record.namespace, record.index)
    heir = next((other for other in store.records() if (other.namespace, other.index) != mine), None)
    if heir is None:
        return
    for key in shared:
        kept = record.settings.pop(key)
        heir.settings.setdefault(key, kept)
        store.keep(heir)
        words = f"{heir.name} is still tuned; its --undo restores this"
        yield Outcome(key, kept.applied, kept.before, kept.applied, "left", words)
