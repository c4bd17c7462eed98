# SPDX-License-Identifier: BSD-2-Clause
"""From tests joined by and, or, not to the flat program of capture/filter_program.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_INSTRUCTIONS = 1024  # FILTER_MOST_INSTRUCTIONS

BOTH, SOURCE, DESTINATION = 0, 1, 2  # FILTER_END_
ADDRESS_FIELDS = frozenset({"ADDRESS_V4", "ADDRESS_V6"})
REAL_FIELDS = frozenset({"BITS_PER_SECOND", "PACKETS_PER_SECOND", "BYTES_PER_PACKET", "ENTROPY"})

Range = tuple[int, int] | tuple[float, float] | tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Test:
    """One question about a flow: ``field`` is a FILTER_ name, ``end`` one of FILTER_END_, ``range`` as the field's."""

    field: str
    end: int
    range: Range


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Node


@dataclass(frozen=True, slots=True)
class Chain:
    """``first``, then each of ``rest`` joined by "and" or "or" to all before it: from left to right, alike."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


Node = Test | Not | Chain


@dataclass(frozen=True, slots=True)
class Instruction:
    """One struct filter_instruction."""

    field: str
    end: int = BOTH
    if_true: int = 0
    if_false: int = 0
    range: Range = (0, 0)


Program = tuple[Instruction, ...]


class ProgramTooLongError(ValueError):
    """More tests than a program may have."""


def joined(joint: str, nodes: Iterable[Node]) -> Node:
    """Return ``nodes`` (at least one) joined by ``joint``."""
    first, *rest = nodes
    return Chain(first, tuple((joint, node) for node in rest)) if rest else first


def program_of(node: Node) -> Program:
    """Return the program of ``node``; raise ProgramTooLongError where there is no room for it.

    It is laid down from its end to its start: each test is told where to go on, and that lies behind it.
    """
    writer = _Writer()
    accept, reject = writer.put("ACCEPT"), writer.put("REJECT")
    writer.write(node, accept, reject)
    return writer.finished()


class _Writer:
    def __init__(self) -> None:
        self._laid: list[tuple[str, int, int, int, Range]] = []  # the last instruction first

    def put(self, field: str, end: int = BOTH, if_true: int = 0, if_false: int = 0, range: Range = (0, 0)) -> int:
        if len(self._laid) == MOST_INSTRUCTIONS:
            raise ProgramTooLongError
        self._laid.append((field, end, if_true, if_false, range))
        return len(self._laid) - 1

    def write(self, node: Node, if_true: int, if_false: int) -> int:
        """Lay down ``node`` and return its entry."""
        if isinstance(node, Test):
            return self.put(node.field, node.end, if_true, if_false, node.range)
        if isinstance(node, Not):
            return self.write(node.of, if_false, if_true)
        for joint, last in reversed(node.rest):
            entry = self.write(last, if_true, if_false)
            if joint == "and":
                if_true = entry
            else:
                if_false = entry
        return self.write(node.first, if_true, if_false)

    def finished(self) -> Program:
        top = len(self._laid) - 1
        return tuple(
            Instruction(field)
            if field in ("ACCEPT", "REJECT")
            else Instruction(field, end, top - if_true, top - if_false, range)
            for field, end, if_true, if_false, range in reversed(self._laid)
        )
