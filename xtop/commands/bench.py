# SPDX-License-Identifier: BSD-2-Clause
"""``xtop bench``: becomes xtop-bench, which has options of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence

from xtop.capture_process import find_program
from xtop.source import SourceError


def run(arguments: Sequence[str]) -> int:
    """Replace this process by xtop-bench."""
    program = find_program("xtop-bench")
    try:
        os.execv(program, ["xtop bench", *arguments])
    except OSError as error:
        raise SourceError(f"cannot start {program} ({error.strerror}; run: make build)", 1) from None
