# SPDX-License-Identifier: BSD-2-Clause
"""Rows at hand through another filter: until the reader has looked, and for good where the screen is held."""

from __future__ import annotations

from dataclasses import replace

from xtop.model import Snapshot


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
