# SPDX-License-Identifier: BSD-2-Clause
"""A driver's or the kernel's no, in its own words."""

from __future__ import annotations

import os


class Refusal(Exception):
    """The kernel would not; ``str()`` is what it said, ``errno`` the number that came with it (0 = none)."""

    def __init__(self, number: int, words: str | None = None) -> None:
        said = os.strerror(number) if number else ""
        super().__init__(f"{said}: {words}" if words and said and words != said else words or said)
        self.errno = number
