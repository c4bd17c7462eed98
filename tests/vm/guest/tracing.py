# SPDX-License-Identifier: BSD-2-Clause
"""Counts calls of the kernel's function that copies a frame into a socket's memory: the last word on zero copy.

By kprobe events (Documentation/trace/kprobetrace.rst), whose hits the kernel counts in kprobe_profile.
"""

from __future__ import annotations

import os
from pathlib import Path

from .links import Fault

TRACING = Path("/sys/kernel/tracing")
COPYING = "__xsk_rcv"  # net/xdp/xsk.c: takes a buffer of the socket and copies the frame into it

COUNTED_SINCE = (5, 15)  # of the kernels that are run; in 5.10 it is inlined


class CopyCount:
    """Counts while it is entered."""

    def __init__(self) -> None:
        self.calls: int | None = None

    def __enter__(self) -> CopyCount:
        try:
            TRACING.joinpath("kprobe_events").write_text(f"p:xtop/copies {COPYING}\n")
            TRACING.joinpath("events/xtop/copies/enable").write_text("1")
        except OSError:
            self.calls = None  # a kernel without kprobes, or that has the function inlined
        else:
            self.calls = 0
        return self

    def __exit__(self, *_: object) -> None:
        if self.calls is None:
            return
        for line in TRACING.joinpath("kprobe_profile").read_text().splitlines():
            name, hits, _ = line.split()
            if name == "copies":
                self.calls = int(hits)
        TRACING.joinpath("events/xtop/copies/enable").write_text("0")
        TRACING.joinpath("kprobe_events").write_text("")

    def confirm(self, mode: str, frames: int) -> str:
        """Hold the count against what the mode must have; "" where it could not be counted, which is before 5.15."""
        if self.calls is None:
            if tuple(map(int, os.uname().release.split(".")[:2])) >= COUNTED_SINCE:
                raise Fault(f"calls of {COPYING}() cannot be counted")
            return ""
        if self.calls != (0 if mode == "zero copy" else frames):
            raise Fault(f"{mode}: {COPYING}() was called {self.calls} times for {frames} frames")
        return f", {COPYING}() called {self.calls} times"
