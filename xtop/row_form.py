# SPDX-License-Identifier: BSD-2-Clause
"""How rows become text without a Python object a flow: a form says names, order and quotes; C knows the values.

Whoever holds rows in native memory offers them as :class:`TextRows`; a format that finds its flows to be such hands
them a form, and everything else is written flow by flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

PAYLOAD = ("entropy", "byte_histogram")  # steps that cost a look at every byte's count


class Step(NamedTuple):
    """A literal, and the value after it: ``name`` is the schema's, ``side`` is ``forward``, ``reverse`` or empty."""

    literal: str
    name: str
    side: str = ""


class RowForm(NamedTuple):
    """One row: ``steps``, then ``end``; ``between`` stands between rows."""

    steps: tuple[Step, ...]
    end: str
    between: str
    nothing: str  # a value that is not there
    quote: str  # on both sides of addresses, times and flags, which hold nothing that wants escaping
    list_begin: str
    list_between: str
    list_end: str
    tunnel: tuple[str, str, str, str]  # for none; before the kind, before the id, after it
    word: Callable[[str], str]  # a name (of a protocol, a state) as it must be written

    @property
    def asks_payload(self) -> bool:
        """Whether a step is about the payload's bytes by value."""
        return any(step.name in PAYLOAD for step in self.steps)


ByteCounts = tuple[int, ...]  # 256


@runtime_checkable
class ByteRows(Protocol):
    """Flows whose payload bytes were counted by value."""

    def byte_counts(self, index: int) -> tuple[ByteCounts | None, ByteCounts | None]:
        """Return 256 counts, forward and reverse; None where they are not known."""


@runtime_checkable
class TextRows(Protocol):
    """Flows that write themselves."""

    def text(self, form: RowForm) -> Iterator[tuple[bytes, int]]:
        """Yield the rows as UTF-8, about a megabyte at a time, each with the rows written so far."""
