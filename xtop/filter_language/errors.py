# SPDX-License-Identifier: BSD-2-Clause
"""What is wrong with a filter, and with which of its words."""

from __future__ import annotations


class FilterError(ValueError):
    """``str()`` says what is wrong; the word at fault is ``text[start:end]``, and lies behind the text's end where
    something is missing there (``incomplete``: the text may become right by typing on).
    """

    def __init__(self, message: str, start: int, end: int, incomplete: bool = False) -> None:
        super().__init__(message)
        self.start = start
        self.end = max(end, start + 1)
        self.incomplete = incomplete
