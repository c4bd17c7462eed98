# SPDX-License-Identifier: BSD-2-Clause
"""Fields of parsed JSON, taken by name and type: a file that was damaged, or made to harm, says so here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, TypeVar

from xtop.capture_messages import one_line
from xtop.export.times import NANOSECONDS

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MOST = 1 << 64  # no number of a snapshot is greater
Value = TypeVar("Value")


class Damaged(ValueError):
    """What was read is not what it should be; ``str()`` is a clause."""


def of_kind(kind: type[Value], value: Any, name: str) -> Value:
    """Return ``value``, which must be of ``kind``; a whole number is a float, too, and no bool is a number.

    In a text nothing is left that a terminal would obey.
    """
    if kind is float and type(value) is int:
        value = float(value) if abs(value) <= MOST else math.inf
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise Damaged(f"{name} is no {kind.__name__}")
    if isinstance(value, int) and not -MOST < value < MOST:
        raise Damaged(f"{name} is out of range")
    return kind(one_line(value)) if isinstance(value, str) else value  # type: ignore[call-arg]


class Fields:
    """One JSON object."""

    def __init__(self, value: Any, name: str) -> None:
        self._values: dict[str, Any] = of_kind(dict, value, name)
        self._name = name

    def get(self, name: str, kind: type[Value]) -> Value:
        """Return the field ``name``."""
        if name not in self._values:
            raise Damaged(f"{self._name} has no {name}")
        return of_kind(kind, self._values[name], name)

    def maybe(self, name: str, kind: type[Value]) -> Value | None:
        """Return the field ``name``, or None where it is null or not there."""
        value = self._values.get(name)
        return None if value is None else of_kind(kind, value, name)

    def inner(self, name: str) -> Fields:
        """Return the object ``name``."""
        return Fields(self.get(name, dict), name)

    def each(self, name: str, read: Callable[[Any], Value]) -> tuple[Value, ...]:
        """Return what ``read`` makes of every element of the list ``name``."""
        return tuple(map(read, self.get(name, list)))

    def all(self, kind: type[Value]) -> dict[str, Value]:
        """Return every field, each of which must be of ``kind``."""
        return {name: of_kind(kind, value, name) for name, value in self._values.items()}

    def alike(self, made: type[Value], names: Mapping[str, type[Any]]) -> Value:
        """Return a ``made`` of the fields of ``names`` that are there; the others keep their defaults."""
        given = {name: self.get(name, kind) for name, kind in names.items() if name in self._values}
        try:
            return made(**given)
        except TypeError:
            raise Damaged(f"{self._name} lacks a field") from None

    def time(self, name: str) -> int:
        """Return the time ``name``, ISO 8601 in UTC with nine decimals, as nanoseconds since the epoch."""
        return nanoseconds(self.get(name, str))

    def maybe_time(self, name: str) -> int | None:
        """Return the time ``name``, or None where it is null or not there."""
        text = self.maybe(name, str)
        return None if text is None else nanoseconds(text)


def nanoseconds(text: str) -> int:
    """Return what ``iso_time`` made a text of."""
    moment, _, fraction = text.removesuffix("Z").partition(".")
    if len(fraction) != 9 or not (fraction.isascii() and fraction.isdigit()):
        raise Damaged(f"'{text[:40]}' is no time of nanoseconds")
    return _seconds(moment) * NANOSECONDS + int(fraction)


@lru_cache(maxsize=4096)  # the times of one moment lie in a few seconds
def _seconds(moment: str) -> int:
    try:
        since = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc) - EPOCH
    except ValueError:
        raise Damaged(f"'{moment[:40]}' is no time") from None
    return since.days * 86400 + since.seconds
