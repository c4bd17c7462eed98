# SPDX-License-Identifier: BSD-2-Clause
"""The payload of a flow by byte value: a curve of 256 bins for each direction, its entropy, and what that hints at."""

from __future__ import annotations

from collections.abc import Sequence

from xtop import units
from xtop.blocks import ceiling, curve
from xtop.ink import Line

HEIGHT = 4  # lines of a curve
EDGE = 8  # cells beside it
HINTS: tuple[tuple[float, str], ...] = (
    (7.9, "encrypted or compressed"),
    (6.5, "binary, in part compressed"),
    (3.5, "text or plain binary"),
    (0.0, "few different bytes"),
)
FEW = 2048  # bytes: with fewer, even random ones look less than random


def entropy_text(entropy: float | None, counted: int | None = None) -> str:
    """Return the entropy and what it hints at; ``counted`` bytes that are few hint at nothing."""
    if entropy is None:
        return ""
    hint = next(text for least, text in HINTS if entropy >= least)
    few = counted is not None and counted < FEW
    return f"{entropy:.2f} bits a byte" + ("" if few else f", {hint}")


def byte_lines(label: str, counts: Sequence[int] | None, entropy: float | None, width: int) -> list[Line]:
    """Return the curve of one direction under a line with its figures."""
    if counts is None:
        said = entropy_text(entropy) or "not known"
        return [[(f" {label} ", "accent"), (said, "base" if entropy is not None else "dim")]]
    total = sum(counts)
    if not total:
        return [[(f" {label} ", "accent"), ("no payload", "dim")]]
    commonest = max(range(len(counts)), key=counts.__getitem__)
    share = units.percent(counts[commonest] / total).strip()
    figures = f"{units.volume(total).strip()}   commonest 0x{commonest:02x} {share}"
    lines: list[Line] = [
        [(f" {label} ", "accent"), (entropy_text(entropy, total), "base")],
        [(f" {'':{len(label)}} ", "base"), (figures, "dim")],
    ]
    columns = _columns(counts, max(16, min(256, width - EDGE)))
    top = ceiling(max(columns), 1.0)
    for row, text in enumerate(curve(columns, HEIGHT, top)):
        lines.append([(f" {units.short(top) if row == 0 else '':>5} ", "dim"), (text, "bar")])
    room = len(columns) - 8
    lines.append([(f"{'':7}0x00{'':{max(0, room)}}0xff", "dim")])
    return lines


def _columns(counts: Sequence[int], room: int) -> list[float]:
    """Return the counts in ``room`` columns or fewer, each the sum of as many values, so that none is left out."""
    each = next(each for each in (1, 2, 4, 8, 16) if len(counts) // each <= room)
    return [float(sum(counts[at : at + each])) for at in range(0, len(counts), each)]
