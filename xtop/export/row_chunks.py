# SPDX-License-Identifier: BSD-2-Clause
"""Flows as pieces of text: written by C where they lie in native memory, else flow by flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from xtop.model import Flow
from xtop.row_form import RowForm, TextRows

BATCH = 2048

Progress = Callable[[int], object]  # is told how many flows were written so far; may raise to end it


def unheard(written: int) -> None:
    """Stand in for a progress that nobody wants to hear of."""


def row_chunks(
    flows: Sequence[Flow], form: RowForm, row: Callable[[Flow], str], progress: Progress = unheard
) -> Iterator[bytes]:
    """Yield ``flows`` in ``form``; ``row`` writes one that is a Python object the same way, without ``between``."""
    for piece, written in flows.text(form) if isinstance(flows, TextRows) else _by_flow(flows, form.between, row):
        yield piece
        progress(written)


def _by_flow(flows: Sequence[Flow], between: str, row: Callable[[Flow], str]) -> Iterator[tuple[bytes, int]]:
    left, written, lead = iter(flows), 0, ""
    while batch := [row(flow) for flow in islice(left, BATCH)]:
        written += len(batch)
        yield (lead + between.join(batch)).encode(), written
        lead = between
