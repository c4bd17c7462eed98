# SPDX-License-Identifier: BSD-2-Clause
"""What a bench starts ends with it, and what it makes in the kernel goes then: of kill -9, too.

A network namespace has no name here. It lasts as long as a process holds it: the bench's descriptor, and programs that
the kernel kills when the bench is gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from xtop.live_demo import new_namespace

# Before a command: it is killed when the thread that started it ends, whatever way (util-linux).
BOUND = ("setpriv", "--pdeathsig", "KILL", "--")


@contextmanager
def namespace() -> Iterator[int]:
    """Yield a descriptor of a network namespace; pass it to the programs that shall be in it."""
    fd = new_namespace()
    try:
        yield fd
    finally:
        os.close(fd)


def path_of(fd: int) -> str:
    """Return where a process that has the descriptor finds the namespace."""
    return f"/proc/self/fd/{fd}"


def inside(fd: int) -> list[str]:
    """Return what stands before a command that shall run in the namespace and end with this process."""
    return [*BOUND, "nsenter", f"--net={path_of(fd)}", "--"]
