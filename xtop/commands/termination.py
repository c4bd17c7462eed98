# SPDX-License-Identifier: BSD-2-Clause
"""A screen that is told to go by a signal leaves as by its key: in order, from wherever it was."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_SIGNALLED = 128  # and the signal's number, as shells have it


@contextmanager
def leaving_by_signal(leave: Callable[[], object]) -> Iterator[None]:
    """Have SIGTERM and SIGINT call ``leave`` meanwhile; end the process by SystemExit afterwards.

    An exception out of the signal's handler would come up anywhere in the framework, which is not made for that. Who
    sends a second signal does not want to wait for a terminal that takes nothing: it ends the process at once.
    """
    told: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        told.append(number)
        leave()

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told:
        raise SystemExit(EXIT_SIGNALLED + told[0])
