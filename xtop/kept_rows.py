# SPDX-License-Identifier: BSD-2-Clause
"""Which rows of a moment there are that is held, or past: the first few in the order and through the filter of then.

Another filter or order finds no others. So the table says what it is among, where that is not all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xtop.columns import by_sort
from xtop.frame import Frame
from xtop.model import View
from xtop.units import count

OF_A_STORE = View(sort="bps")  # whose moments do not say: the flows of the greatest rates


@dataclass(frozen=True, slots=True)
class KeptRows:
    """So many rows of a moment, of so many that there were, and what was asked for then."""

    rows: int
    of: int
    view: View

    @property
    def whole(self) -> bool:
        """Whether these are all flows of the moment."""
        return self.rows >= self.of and not self.view.filter

    def words(self, asked: View) -> str:
        """Return what the rows are among where ``asked`` is looked for in them; empty: among all."""
        then = self.view
        order_is_same = (then.sort, then.descending) == (asked.sort, asked.descending)
        if self.whole or (order_is_same and then.filter == asked.filter):
            return ""
        words = f"among {count(self.rows).strip()} kept"
        if then.filter and then.filter != asked.filter:
            words += f" of filter {then.filter}"
        if not order_is_same:
            words += f", first by {_order(then)}"
        return words


def kept_rows(frame: Frame) -> KeptRows:
    """Return what is kept of the rows of ``frame``."""
    snapshot = frame.snapshot
    of = snapshot.rows_total if snapshot.group == "flow" else snapshot.groups_total
    return KeptRows(len(snapshot.rows), of, frame.view or OF_A_STORE)


def as_kept(view: View, then: View | None) -> View:
    """Return ``view`` as far as a moment that was taken by ``then`` can show it: rows are not split or joined anew."""
    return view if then is None else replace(view, directions=then.directions, ended=view.ended and then.ended)


def _order(view: View) -> str:
    try:
        column = by_sort(view.sort, view.group)
    except KeyError:
        return f"{view.sort} {'▼' if view.descending else '▲'}"
    return f"{column.header.lower()} {column.mark(view.descending)}"
