# SPDX-License-Identifier: BSD-2-Clause
"""Can I believe it? What never reached xtop, by cause; what reached it but no flow; and whether all of it adds up.

What is not known of flows that should be counted by byte value stands there, too.

While nothing is lost, all causes stand there with their noughts. As soon as there is loss, the causes that had any take
the room: how much, how fast, when last, and what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xtop import units
from xtop.ink import Ink, Line, fitted, framed, length, printable, spread
from xtop.model import Snapshot
from xtop.picture import Picture, local_time
from xtop.widgets.line_panel import LinePanel

LEFT = 35  # cells of the causes' side, while nothing is lost


@dataclass(frozen=True, slots=True)
class Cause:
    """One way to lose packets, or what was to be known of flows.

    ``name`` is a field of the snapshot's ``part``, ``remedy`` what to do, ``brief`` the same for a folded panel.
    """

    name: str
    label: str
    remedy: str  # the link's name in braces
    brief: str
    part: str = "lost"  # never arrived; else it arrived, and no flow has it, or not all of it

    @property
    def lost(self) -> bool:
        """Whether packets never arrived."""
        return self.part == "lost"

    def count(self, snapshot: Snapshot) -> int:
        """Return how many packets, or flows, it cost."""
        return int(getattr(getattr(snapshot, self.part), self.name))


# From the wire inwards.
CAUSES: tuple[Cause, ...] = (
    Cause("nic", "NIC", "the NIC's own ring is short: xtop tune -i {link}", "xtop tune"),
    Cause("rx_ring_full", "ring full", "worker too slow: larger --ring, more queues", "larger --ring"),
    Cause(
        "rx_fill_ring_empty",
        "fill ring empty",
        "CPU busy or ring short: --cpus, larger --ring",
        "larger --ring, --cpus",
    ),
    Cause("rx_invalid_descs", "invalid descr.", "a fault of xtop or of the driver: please report it", "report it"),
    Cause("rx_dropped", "other RX drops", "frames longer than a buffer? see xtop doctor", "xtop doctor"),
    Cause("ring", "packet ring", "ring full: larger --ring, or --capture af_xdp", "larger --ring"),
)
INCOMPLETE: tuple[Cause, ...] = (
    Cause(
        "table_full", "table full", "more flows than it holds: larger --max-flows", "larger --max-flows", "accounting"
    ),
    Cause(
        "byte_histograms_full",
        "bytes unknown",
        "flows that found no histogram: narrower --filter",
        "flows: narrower --filter",
        "totals",
    ),
)
OUTSIDE: tuple[tuple[str, str], ...] = (
    ("non_ip", "non-IP"),
    ("malformed", "malformed"),
    ("filtered", "filtered"),
    ("sampled_out", "sampled out"),
    ("table_full", "table full"),
)


class LossPanel(LinePanel):
    """Zero is quiet; anything else is the one red thing on the screen."""

    OF_COUNTERS = True

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed counters, or the one line."""
        snapshot = picture.snapshot
        if height == 1:
            return [[] if snapshot is None else _folded(picture, snapshot, width)]
        if snapshot is None:
            return framed("6 Loss, by cause", [], [], width, height)
        if had(snapshot):
            body = _with_remedies(picture, snapshot, width - 2, height - 2)
        else:
            body = _both_sides(snapshot, width - 2)
        return framed("6 Loss, by cause", _note(picture, snapshot), body, width, height)


def had(snapshot: Snapshot) -> list[Cause]:
    """Return the causes that cost something, from the wire inwards."""
    return [cause for cause in (*CAUSES, *INCOMPLETE) if cause.count(snapshot)]


def remedy(cause: Cause, snapshot: Snapshot) -> str:
    """Return what to do about ``cause``."""
    return cause.remedy.format(link=printable(_worst_link(snapshot)))


def _worst_link(snapshot: Snapshot) -> str:
    """Return the interface whose NIC lost most."""
    links = snapshot.source.links
    return max(links, key=lambda link: link.lost.nic).name if links else snapshot.source.name


def _now(picture: Picture, cause: Cause) -> float:
    return picture.loss_now.by_cause.get(cause.name, 0.0)


def _last(picture: Picture, snapshot: Snapshot, cause: Cause) -> str:
    """Return when the cause last cost a packet: ``now``, ``4m 12s ago``."""
    at = picture.last_lost.get(cause.name)
    if at is None:
        return ""
    return "now" if at >= snapshot.taken_at else f"{units.age(snapshot.taken_at - at).strip()} ago"


def _note(picture: Picture, snapshot: Snapshot) -> Line:
    since: Line = [] if picture.zeroed_at is None else [(f"since {local_time(picture.zeroed_at)} ", "accent")]
    return [*since, *_law(snapshot)]


def _by_weight(picture: Picture, snapshot: Snapshot) -> list[Cause]:
    """Return the causes that cost packets: those that lose now first, then the costliest."""
    return sorted(had(snapshot), key=lambda cause: (-_now(picture, cause), -cause.count(snapshot)))


def _with_remedies(picture: Picture, snapshot: Snapshot, width: int, height: int) -> list[Line]:
    causes = had(snapshot)
    room = max(0, height - 2 - len(causes))
    advised = [
        cause for cause in _by_weight(picture, snapshot) if len(remedy(cause, snapshot)) + 5 <= width
    ][:room]  # fmt: skip
    rows: list[Line] = [[(f" {'':<16}{'total':>5}{'per second':>12}  last", "dim")]]
    for cause in causes:
        rows.append(_cause(picture, snapshot, cause))
        if cause in advised:
            rows.append([("   → ", "accent"), (remedy(cause, snapshot), "base")])
    rows += [[]] * max(0, height - 1 - len(rows))
    return [*rows, _outside_line(snapshot, width)]


def _cause(picture: Picture, snapshot: Snapshot, cause: Cause) -> Line:
    ink: Ink = "loss" if cause.lost else "warn"
    now = _now(picture, cause)
    speed = f"{units.count(now)}/s" if now else " " * 8
    figures = f"{units.count(cause.count(snapshot))}{'▲' if now else ' '}  {speed}  {_last(picture, snapshot, cause)}"
    return [(f" {cause.label:<16}", ink), (figures, ink)]


def _outside_line(snapshot: Snapshot, width: int) -> Line:
    line: Line = []
    for name, label in OUTSIDE[:4]:
        number = int(getattr(snapshot.accounting, name))
        piece: Line = [(f" {label} ", "dim"), (units.count(number).strip(), "warn" if name == "malformed" else "base")]
        if number and length(line) + length(piece) <= width:
            line += piece
    return line


def _both_sides(snapshot: Snapshot, width: int) -> list[Line]:
    left, right = _causes(snapshot), _outside(snapshot, width - LEFT - 3)
    rows: list[Line] = []
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else []
        other = right[index] if index < len(right) else []
        rows.append([*fitted(one, LEFT), (" │ ", "frame"), *other])
    return rows


def _causes(snapshot: Snapshot) -> list[Line]:
    rows: list[Line] = [[(f" {'never arrived':<16} {'packets':>8}", "dim")]]
    for cause in CAUSES:
        rows.append([(f" {cause.label:<16}  ", "base"), (units.count(cause.count(snapshot)), "dim")])
    return rows


def _outside(snapshot: Snapshot, width: int) -> list[Line]:
    accounting = snapshot.accounting
    rows: list[Line] = [[("in no flow", "dim")]]
    for name, label in OUTSIDE:
        number = int(getattr(accounting, name))
        ink: Ink = "dim" if not number else "warn" if name in ("malformed", "table_full") else "base"
        rows.append([(f"{label:<{max(0, width - 6)}}", "base"), (units.count(number), ink)])
    rows.append(spread([("received", "base")], [(units.count(accounting.received), "base")], width))
    return rows


def _law(snapshot: Snapshot) -> Line:
    missing = snapshot.accounting.missing
    if not missing:
        return [("✓ adds up", "good")]
    return [(f"✖ {units.count(abs(missing)).strip()} {'missing' if missing > 0 else 'too many'}", "warn")]


def _folded(picture: Picture, snapshot: Snapshot, width: int) -> Line:
    right = [*_note(picture, snapshot), (" ", "base")]
    causes = _by_weight(picture, snapshot)
    if snapshot.lost.total:
        line: Line = [(f" Lost {units.count(snapshot.lost.total).strip()}", "loss")]
    else:
        line = [(" Nothing lost", "base")]
    pieces: list[Line] = []
    for rank, cause in enumerate(causes):
        ink: Ink = "loss" if cause.lost else "warn"
        pieces.append([(f"  {cause.label} ", "dim"), (units.count(cause.count(snapshot)).strip(), ink)])
        if rank == 0:
            pieces.append([(f" {_last(picture, snapshot, cause)}", ink)])
            pieces.append([(" → ", "accent"), (cause.brief, "base")])
    for name, label in OUTSIDE[:4]:
        number = int(getattr(snapshot.accounting, name))
        if number:
            pieces.append([(f"  {label} ", "dim"), (units.count(number).strip(), "base")])
    for piece in pieces:
        if length(line) + length(piece) + length(right) + 1 <= width:
            line += piece
    return spread(line, right, width)
