# SPDX-License-Identifier: BSD-2-Clause
"""How an exporter says that it cannot write."""

from __future__ import annotations


class ExportError(Exception):
    """``str()`` is one line, ``WHAT (WHY; WHAT TO DO)``; ``exit_code`` is the contract's."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code
