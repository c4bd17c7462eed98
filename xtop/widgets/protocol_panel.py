# SPDX-License-Identifier: BSD-2-Clause
"""What the bytes were: transport protocols by their share."""

from __future__ import annotations

from xtop import units
from xtop.blocks import bar
from xtop.ink import Line, framed, printable
from xtop.model import Protocol
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

NAME = 6  # cells
ROOMY = 30  # cells from which a share has three digits


class ProtocolPanel(LinePanel):
    """The greatest protocols; what finds no line is summed up as `other`."""

    OF_COUNTERS = True

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed bars, or the one line."""
        found = picture.snapshot.protocols if picture.snapshot else ()
        if height == 1:
            return [_folded(greatest(found, 3), width)]
        body = [_bar(name, share, width - 2) for name, share in greatest(found, height - 2)]
        return framed("5 Protocols", [("bytes", "dim")], body, width, height)


def greatest(protocols: tuple[Protocol, ...], room: int) -> list[tuple[str, float]]:
    """Return at most ``room`` names with their share of all bytes, greatest first; the last may be ``other``."""
    total = sum(protocol.bytes for protocol in protocols)
    if not total:
        return []
    ranked = sorted(protocols, key=lambda protocol: (-protocol.bytes, protocol.protocol))
    shares = [(printable(protocol.protocol), protocol.bytes / total) for protocol in ranked]
    if len(shares) <= room:
        return shares
    kept = shares[: max(0, room - 1)]
    return [*kept, ("other", max(0.0, 1 - sum(share for _, share in kept)))]


def _bar(name: str, share: float, width: int) -> Line:
    text = units.percent(share) if width >= ROOMY else units.brief_percent(share)
    room = max(0, width - NAME - len(text) - 4)
    return [(f" {name[:NAME]:<{NAME}} ", "dim"), (bar(share, room), "bar"), (f" {text} ", "base")]


def _folded(shares: list[tuple[str, float]], width: int) -> Line:
    line: Line = []
    for name, share in shares:
        text = f" {units.brief_percent(share)}"
        if sum(len(piece) for piece, _ in line) + len(name) + len(text) + 1 > width:
            break
        line += [(f" {name}", "dim"), (text, "base")]
    return line
