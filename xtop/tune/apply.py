# SPDX-License-Identifier: BSD-2-Clause
"""Carries a plan out, phase by phase, and keeps what was before ahead of each change.

The link is read and planned anew before each phase: more queues bring more interrupts, another table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from xtop.link_state import LinkState, Value
from xtop.machine_files import MachineFiles
from xtop.tune.outcome import Outcome
from xtop.tune.plan import Change, equal_spread, make_plan, queue_setting
from xtop.tune.record import Kept, Record, RecordStore
from xtop.tune.writing import PHASES, phase_of, write_values

ReadLink = Callable[[], LinkState]


@dataclass(frozen=True, slots=True)
class Tuner:
    """One interface being tuned. ``read`` says how it is now."""

    read: ReadLink
    store: RecordStore
    record: Record
    files: MachineFiles

    def apply(self) -> Iterator[Outcome]:
        """Change what the plan of the moment says; yield what became of each setting. Raise RecordError."""
        yield from self._free_queues()
        for phase in PHASES:
            state = self.read()
            changes = [change for change in open_changes(state, self.record) if phase_of(change.key) == phase]
            if changes:
                yield from self._carry_out(state, changes)

    def _free_queues(self) -> Iterator[Outcome]:
        """Spread the hash equally before queues are taken away: a driver refuses to drop one that its table names."""
        state = self.read()
        key = queue_setting(state)
        queues = next((change for change in make_plan(state).changes if change.key == key), None)
        if queues is None or int(queues.wanted) >= int(queues.now) or state.rss is None or not state.rss.table:
            return
        wanted = equal_spread(len(state.rss.table), state.rx_queues)
        if state.values["rss.table"] != wanted:
            why = "the queues that go are in it"
            yield from self._carry_out(state, [Change("rss.table", state.values["rss.table"], wanted, why)])

    def _carry_out(self, state: LinkState, changes: list[Change]) -> Iterator[Outcome]:
        earlier = dict(self.record.settings)
        for change in changes:
            first = earlier[change.key].before if change.key in earlier else change.now
            self.record.settings[change.key] = Kept(first, change.wanted, change.wanted)
        self.store.keep(self.record)
        refusals = write_values(state, {change.key: change.wanted for change in changes}, self.files)
        after = self.read().values
        for change in changes:
            now = after.get(change.key)
            if now is None or now == change.now:
                self._forget(change.key, earlier)
            else:
                self.record.settings[change.key] = replace(self.record.settings[change.key], applied=now)
        self.record.follow(_others(state.values, changes), after)
        self.store.keep(self.record)
        for change in changes:
            yield _outcome(change, after.get(change.key), refusals.get(change.key, ""))

    def _forget(self, key: str, earlier: dict[str, Kept]) -> None:
        del self.record.settings[key]
        if key in earlier:
            self.record.settings[key] = earlier[key]


def open_changes(state: LinkState, record: Record | None) -> list[Change]:
    """Return the changes still to make: without those where the driver already took the nearest that it can do."""
    plan = make_plan(state)
    kept = {} if record is None else record.settings
    return [
        change
        for change in plan.changes
        if change.key not in kept or (kept[change.key].asked, kept[change.key].applied) != (change.wanted, change.now)
    ]


def _others(values: Mapping[str, Value], changes: list[Change]) -> dict[str, Value]:
    changed = {change.key for change in changes}
    return {key: value for key, value in values.items() if key not in changed}


def _outcome(change: Change, now: Value | None, words: str) -> Outcome:
    if now is None:
        return Outcome(change.key, change.now, change.wanted, now, "gone", words)
    if now == change.now:
        said = words or "the driver took it, and changed nothing"
        return Outcome(change.key, change.now, change.wanted, now, "refused", said)
    return Outcome(change.key, change.now, change.wanted, now, "changed", words)
