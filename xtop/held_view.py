# SPDX-License-Identifier: BSD-2-Clause
"""Rows at hand in another view: until the reader has looked, and for good where the screen is held."""

from __future__ import annotations

from dataclasses import replace

from xtop.columns import ordered
from xtop.model import Snapshot, View


def as_viewed(snapshot: Snapshot, view: View) -> Snapshot:
    """Return ``snapshot`` as ``view`` wants it, out of the rows that it has."""
    snapshot = refiltered(snapshot, view.filter)
    flows = tuple(flow for flow in snapshot.flows if view.ended or flow.end_reason is None)
    if view.group == "flow":
        return replace(snapshot, flows=ordered(flows, view.sort, view.descending), group="flow", groups=())
    if view.group != snapshot.group:
        return replace(snapshot, flows=flows)
    return replace(snapshot, flows=flows, groups=ordered(snapshot.groups, view.sort, view.descending, view.group))


def refiltered(snapshot: Snapshot, text: str) -> Snapshot:
    """Return ``snapshot`` with those of its rows that ``text`` lets through; what it did not bring stays away."""
    if text == snapshot.flow_filter or not text:
        return snapshot
    from xtop.filter_language.compiler import compile_filter  # only who filters pays for the grammar
    from xtop.filter_language.rows import matching

    flows = tuple(matching(compile_filter(text), snapshot.flows, snapshot.now))
    dropped = len(snapshot.flows) - len(flows)
    return replace(
        snapshot, flows=flows, flow_filter=text, rows_total=len(flows), flows_hidden=snapshot.flows_hidden + dropped
    )
