# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel says of another process."""

from __future__ import annotations

from pathlib import Path

PROGRAM = "xtop-capture"  # as much of a name as the kernel keeps, 15 bytes, is more than this


def is_stopped(pid: int, proc: Path = Path("/proc")) -> bool:
    """Return whether the capture ``pid`` was stopped, by a signal or a debugger (proc(5), state T or t).

    False where that is not known: it is gone, or the number is of another PID namespace and another process here.
    """
    try:
        text = (proc / str(pid) / "stat").read_text()
    except OSError:
        return False
    name, _, rest = text.partition("(")[2].rpartition(") ")
    return name == PROGRAM and rest[:1] in ("T", "t")
