# SPDX-License-Identifier: BSD-2-Clause
"""Lists of small numbers as people write them: ``0-3,6``."""

from __future__ import annotations


def parse_number_list(text: str, limit: int) -> tuple[int, ...]:
    """Return the numbers of ``text`` in the order given; raise ValueError with a reason for anything else.

    Each number must be below ``limit`` and may come once.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _is_number(first) or (dash and not _is_number(last)):
            raise ValueError(f"'{part}' is not a number or a range")
        low, high = int(first), int(last or first)
        if high < low:
            raise ValueError(f"'{part}' runs backwards")
        if high >= limit:
            raise ValueError(f"{high} is too large; the last is {limit - 1}")
        numbers.extend(range(low, high + 1))
    if len(set(numbers)) != len(numbers):
        raise ValueError("a number comes twice")
    return tuple(numbers)


def format_number_list(numbers: tuple[int, ...]) -> str:
    """Return ``numbers`` as a list that :func:`parse_number_list` reads."""
    return ",".join(str(number) for number in numbers)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
