# SPDX-License-Identifier: BSD-2-Clause
"""One thread of another process stands still for a while, as a thread does that gets no CPU."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # wait for threads that are no children


def ptrace(request: int, thread: int) -> None:
    """ptrace(2) without address or data."""
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long
    if library.ptrace(request, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {request:#x} of thread {thread}")


@contextlib.contextmanager
def held(thread: int) -> Iterator[None]:
    """Meanwhile ``thread`` does nothing; the others of its process go on. SIGSTOP would stop them all."""
    try:
        ptrace(PTRACE_SEIZE, thread)
    except PermissionError:
        pytest.skip("ptrace(2) is not allowed here: CAP_SYS_PTRACE is missing, or kernel.yama.ptrace_scope is 3")
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


def threads_named(process: int, name: str) -> list[int]:
    """Threads of a process by their name, in the order in which they were started."""
    tasks = Path(f"/proc/{process}/task")
    return sorted(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text() == f"{name}\n")
