# SPDX-License-Identifier: BSD-2-Clause
"""What became of each setting: the lines that ``--apply`` and ``--undo`` report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xtop.link_state import Value

Result = Literal["changed", "refused", "left", "gone"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One setting: what it was, what it was to be, what it is now; ``words`` are the kernel's where it refused."""

    key: str
    was: Value | None
    wanted: Value
    now: Value | None
    result: Result
    words: str = ""
