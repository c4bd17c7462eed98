# SPDX-License-Identifier: BSD-2-Clause
"""Can I believe it? What never reached xtop, by cause; what reached it but no flow; and whether all of it adds up."""

from __future__ import annotations

from xtop import units
from xtop.ink import Ink, Line, fitted, framed, length, spread
from xtop.model import Snapshot
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

# (field of Lost, name, what to do is the manual's): from the wire inwards
CAUSES: tuple[tuple[str, str], ...] = (
    ("nic", "NIC"),
    ("rx_ring_full", "ring full"),
    ("rx_fill_ring_empty", "fill ring empty"),
    ("rx_invalid_descs", "invalid descr."),
    ("rx_dropped", "other RX drops"),
    ("ring", "packet ring"),
)
OUTSIDE: tuple[tuple[str, str], ...] = (
    ("non_ip", "non-IP"),
    ("malformed", "malformed"),
    ("filtered", "filtered"),
    ("sampled_out", "sampled out"),
    ("table_full", "table full"),
)
LEFT = 35  # cells of the causes' side


class LossPanel(LinePanel):
    """Zero is quiet; anything else is the one red thing on the screen."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed counters, or the one line."""
        snapshot = picture.snapshot
        if height == 1:
            return [[] if snapshot is None else _folded(picture, snapshot, width)]
        body = [] if snapshot is None else _both_sides(picture, snapshot, width - 2)
        return framed("Loss, by cause", [("packets", "dim")], body, width, height)


def _both_sides(picture: Picture, snapshot: Snapshot, width: int) -> list[Line]:
    left, right = _causes(picture, snapshot), _outside(snapshot, width - LEFT - 3)
    rows: list[Line] = []
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else []
        other = right[index] if index < len(right) else []
        rows.append([*fitted(one, LEFT), (" │ ", "frame"), *other])
    return rows


def _causes(picture: Picture, snapshot: Snapshot) -> list[Line]:
    rows: list[Line] = [[(f" {'never arrived':<16} {'total':>4}{'now':>8}", "dim")]]
    for name, label in CAUSES:
        lost = int(getattr(snapshot.lost, name))
        rows.append(_cause(label, lost, picture.loss_now.by_cause.get(name, 0.0)))
    rows.append(_cause("all", snapshot.lost.total, picture.loss_now.total))
    return rows


def _cause(label: str, lost: int, now: float) -> Line:
    ink: Ink = "loss" if lost else "dim"
    mark = "▲" if now > 0 else " "
    return [(f" {label:<16}", ink if lost else "base"), (f"{units.count(lost)}{mark} {units.count(now)}/s ", ink)]


def _outside(snapshot: Snapshot, width: int) -> list[Line]:
    accounting = snapshot.accounting
    rows: list[Line] = [[("in no flow", "dim")]]
    for name, label in OUTSIDE:
        number = int(getattr(accounting, name))
        ink: Ink = "dim" if not number else "warn" if name in ("malformed", "table_full") else "base"
        rows.append([(f"{label:<{max(0, width - 6)}}", "base"), (units.count(number), ink)])
    rows.append(spread([("received", "base")], [(units.count(accounting.received), "base")], width))
    rows.append(_law(snapshot))
    return rows


def _law(snapshot: Snapshot) -> Line:
    missing = snapshot.accounting.missing
    if not missing:
        return [("✓ adds up", "good")]
    return [(f"✖ {units.count(abs(missing)).strip()} {'missing' if missing > 0 else 'too many'}", "warn")]


def _folded(picture: Picture, snapshot: Snapshot, width: int) -> Line:
    lost = snapshot.lost.total
    right = _law(snapshot) + [(" ", "base")]
    if not lost:
        line: Line = [(" Nothing lost", "base")]
    else:
        line = [(f" Lost {units.count(lost).strip()}", "loss")]
    found = [(label, int(getattr(snapshot.lost, name)), True) for name, label in CAUSES]
    found += [(label, int(getattr(snapshot.accounting, name)), False) for name, label in OUTSIDE]
    for label, number, is_loss in sorted(found, key=lambda entry: not entry[2]):
        piece: Line = [(f"  {label} ", "dim"), (units.count(number).strip(), "loss" if is_loss else "base")]
        if number and length(line) + length(piece) + length(right) <= width:
            line += piece
    return spread(line, right, width)
