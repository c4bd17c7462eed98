# SPDX-License-Identifier: BSD-2-Clause
"""Which columns a table offers, and which of them so many cells show.

A column has one width, whatever the flows; only the addresses share what a wide terminal leaves over. Those that name
the row stay put; of the others the most important fill the first page, and the rest are scrolled to by whole columns,
so that no number is ever cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xtop.columns import ADDRESS_LEAST, ADDRESS_MOST, COLUMNS, FLOWS, TABLES, Column, shown

SERVICE_WIDTH = 8  # of a port column that shows names
GAP = 1


@dataclass(frozen=True, slots=True)
class Offer:
    """The columns that a table has to offer: ``fixed`` at the left, ``others`` to be scrolled through.

    ``others`` stand in the order that somebody chose, or by priority where nobody did. The one named ``wanted`` is on
    the first page whatever that holds otherwise: it tells what the rows are sorted by.
    """

    fixed: tuple[Column, ...]
    others: tuple[Column, ...]
    chosen: bool = False
    wanted: str = ""


def offer(
    group: str = "flow", chosen: Sequence[str] | None = None, *,
    ended: bool = False, names: bool = False, directions: bool = False, wanted: str = "",
) -> Offer:  # fmt: skip
    """Return the columns of a table: ``ended`` flows have a reason, ``names`` of ports need room, rows of one direction
    (``directions``) leave out what tells two apart.
    """
    telling = shown(group, directions)
    columns = [column for column in TABLES[group] if column in telling or column.name == wanted]
    columns = [column for column in columns if column.name != "end" or ended]
    if names:
        columns = [replace(c, width=SERVICE_WIDTH) if c.name == "destination_port" else c for c in columns]
    fixed = tuple(column for column in columns if column.priority == 0)
    scrolling = {column.name: column for column in columns if column.priority}
    if chosen is None:
        usual = [column for column in scrolling.values() if not column.optional]
        return Offer(fixed, tuple(sorted(usual, key=lambda column: column.priority)), wanted=wanted)
    picked = [name for name in dict.fromkeys(chosen) if name in scrolling]
    if "end" in scrolling and "end" not in picked:
        picked.insert(0, "end")
    return Offer(fixed, tuple(scrolling[name] for name in picked), chosen=True, wanted=wanted)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The columns that a number of cells show, and whether more lie to either side."""

    columns: tuple[Column, ...]
    more_left: bool
    more_right: bool
    hidden: int = 0  # columns that are scrolled out

    def places(self) -> list[tuple[Column, int]]:
        """Return each column with the cell it begins at."""
        places, at = [], 0
        for column in self.columns:
            places.append((column, at))
            at += column.width + GAP
        return places


USUAL = offer()


def scrolled_order(width: int, offered: Offer = USUAL) -> list[Column]:
    """Return the columns that scroll: those of the first page as the table has them, then the rest by priority."""
    page = _first_page(offered, _room(width, offered))
    rest = [column for column in offered.others if column not in page]
    if offered.chosen:
        return page + rest
    names = [column.name for column in COLUMNS]
    names[names.index("bytes") : names.index("bytes")] = [FLOWS.name]
    return sorted(page, key=lambda column: names.index(column.name)) + rest


def _first_page(offered: Offer, room: int) -> list[Column]:
    """Return the first columns; the last figures make room for the wanted one, words only after all figures."""
    page = _fitting(offered.others, room)
    wanted = [column for column in offered.others if column.name == offered.wanted and column not in page]
    for column in wanted:
        while page and sum(one.width + GAP for one in [*page, column]) > room:
            page.remove(max(page, key=lambda one: (one.right, page.index(one))))
    return page + wanted


def arrange(width: int, first: int = 0, offered: Offer = USUAL) -> Arrangement:
    """Return what fits in ``width`` cells when ``first`` of the scrolling columns are scrolled out at the left."""
    order = scrolled_order(width, offered)
    first = max(0, min(first, len(order) - 1))
    room = _room(width, offered)
    left_over = room - sum(column.width + GAP for column in _fitting(order, room))  # by the first page: the addresses
    stretching = sum(column.stretches for column in offered.fixed)  # have it, and keep their width on every other
    address = min(ADDRESS_MOST, _address_width(width) + max(0, left_over) // max(1, stretching))
    shown = _fitting(order[first:], room - stretching * (address - _address_width(width)))
    named = [replace(c, width=address) if c.stretches else c for c in offered.fixed]
    more_right = first + len(shown) < len(order)
    return Arrangement((*named, *shown), first > 0, more_right, len(order) - len(shown))


def _fitting(columns: Sequence[Column], room: int) -> list[Column]:
    """Return the first of ``columns``, as many as ``room`` cells hold."""
    page: list[Column] = []
    for column in columns:
        if column.width + GAP > room:
            break
        page.append(column)
        room -= column.width + GAP
    return page


def _room(width: int, offered: Offer) -> int:
    """Return the cells that the columns which scroll may have."""
    widths = [_address_width(width) if column.stretches else column.width for column in offered.fixed]
    return width + GAP - sum(widths) - GAP * len(widths)


def _address_width(width: int) -> int:
    if width < 76:
        return ADDRESS_LEAST
    return 18 if width < 140 else min(ADDRESS_MOST, 18 + (width - 140) // 29)
