# SPDX-License-Identifier: BSD-2-Clause
"""Standard descriptors that a program may have been started without (``>&-``)."""

from __future__ import annotations

import os
import sys


def stand_in_for_closed() -> None:
    """Put something in the place of each standard descriptor that is closed, or files opened later would come to be it.

    Reading then finds nothing, and who writes what is asked for learns that it cannot (EBADF); complaints go nowhere.
    """
    for fd, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, "r")
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")
