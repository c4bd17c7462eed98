# SPDX-License-Identifier: BSD-2-Clause
"""A screen that is told to go by a signal leaves as by its key: in order, from wherever it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
EXIT_SIGNALLED = 128  # and the signal's number, as shells have it


@contextmanager
def leaving_by_signal(leave: Callable[[], object]) -> Iterator[None]:
    """Have SIGTERM, SIGINT and SIGHUP call ``leave`` meanwhile; end the process by SystemExit afterwards.

    An exception out of the signal's handler would come up anywhere in the framework, which is not made for that. Who
    sends a second signal does not want to wait for a terminal that takes nothing: it ends the process at once. So does
    a hangup of a terminal that is gone: nothing can be given back to that one.
    """
    told: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if number == signal.SIGHUP and not os.isatty(1):
            signal.raise_signal(number)
        told.append(number)
        leave()

    before = {number: signal.signal(number, hear) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told:
        raise SystemExit(EXIT_SIGNALLED + told[0])
