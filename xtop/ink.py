# SPDX-License-Identifier: BSD-2-Clause
"""Lines of text with the kind of ink each piece is written in, before any theme gives the inks their colours.

What a panel computes is a list of such lines: pure values, which a test reads without a terminal. Every character is
taken to be one cell wide; :func:`printable` sees to it for text that comes from outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich.cells import cell_len

Ink = Literal[
    "base", "dim", "strong", "accent", "bar", "loss-bar", "faint", "loss", "warn", "good", "key", "frame", "title",
]  # fmt: skip
INKS: tuple[Ink, ...] = (
    "base", "dim", "strong", "accent", "bar", "loss-bar", "faint", "loss", "warn", "good", "key", "frame", "title",
)  # fmt: skip

Span = tuple[str, Ink]
Line = list[Span]


def printable(text: str) -> str:
    """Return ``text`` with everything that is not one plain cell replaced, so that it can neither wrap nor command."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() and cell_len(char) == 1 else "�" for char in text)


def length(line: Line) -> int:
    """Return how many cells ``line`` takes."""
    return sum(len(text) for text, _ in line)


def plain(line: Line) -> str:
    """Return ``line`` without its inks."""
    return "".join(text for text, _ in line)


def fitted(line: Line, width: int) -> Line:
    """Return ``line`` cut or filled to exactly ``width`` cells."""
    fit: Line = []
    left = width
    for text, ink in line:
        if left <= 0:
            break
        fit.append((text[:left], ink))
        left -= len(text[:left])
    if left > 0:
        fit.append((" " * left, "base"))
    return fit


def spread(left: Line, right: Line, width: int) -> Line:
    """Return ``left`` and ``right`` at the two ends of ``width`` cells; where both do not fit, ``left`` gives way."""
    room = max(0, width - length(right))
    return fitted(fitted(left, room) + right, width)


def framed(title: str, note: Line, lines: Iterable[Line], width: int, height: int) -> list[Line]:
    """Return ``lines`` in a box of ``width`` by ``height`` cells with ``title`` and ``note`` in its upper edge."""
    inner = max(0, width - 2)
    room = inner - len(title) - 4
    shown = note if note and length(note) + 2 <= room else []
    rule = inner - len(title) - 3 - (length(shown) + 3 if shown else 0)
    top: Line = [("╭─ ", "frame"), (title, "title"), (" " + "─" * rule, "frame")]
    if shown:
        top += [(" ", "frame"), *shown, (" ─", "frame")]
    body = list(lines)[: max(0, height - 2)]
    body += [[]] * (height - 2 - len(body))
    rows: list[Line] = [[("│", "frame"), *fitted(line, inner), ("│", "frame")] for line in body]
    return [fitted(top, width - 1) + [("╮", "frame")], *rows, [("╰" + "─" * inner + "╯", "frame")]]


def elided(text: str, width: int) -> str:
    """Return ``text`` in ``width`` cells, shortened in its middle: both ends of an address tell hosts apart."""
    if len(text) <= width:
        return f"{text:<{width}}"
    if width < 3:
        return text[:width]
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
