# SPDX-License-Identifier: BSD-2-Clause
"""Finds the record of an interface that may have been renamed, recreated or given another address meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from xtop.link_state import LinkState
from xtop.tune.record import Record, RecordStore


@dataclass(frozen=True, slots=True)
class Found:
    """The record of an interface, if there is one that holds; and what there is to say of it.

    ``lost`` is the record of an interface of that name that is gone; ``doubtful`` one whose address is another now.
    """

    record: Record | None = None
    lost: Record | None = None
    doubtful: Record | None = None
    note: str = ""


def find_record(store: RecordStore, state: LinkState) -> Found:
    """Return what the store knows of the interface of ``state``."""
    records = store.here()
    same = next((record for record in records if record.is_of(state)), None)
    if same is not None:
        note = f"{state.name} was called {same.name} when it was tuned" if same.name != state.name else ""
        return Found(record=same, note=note)
    numbered = next((record for record in records if record.index == state.index), None)
    if numbered is not None:
        note = f"{state.name} has the address {state.mac} and had {numbered.mac} when it was tuned"
        return Found(doubtful=numbered, note=note)
    named = next((record for record in records if record.name == state.name), None)
    if named is not None:
        note = (
            f"{state.name} was made anew since it was tuned (interface {named.index} then, {state.index} now):"
            " what was set went with the old one"
        )
        return Found(lost=named, note=note)
    return Found()
