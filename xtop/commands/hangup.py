# SPDX-License-Identifier: BSD-2-Clause
"""A screen ends with its terminal, whoever started it: also where a hangup is ignored (nohup) or told to nobody."""

from __future__ import annotations

import errno
import signal
import threading


def end_with_the_terminal() -> None:
    """End the process as by a hangup (SIGHUP) once its terminal is gone.

    Without that, Textual's threads find out alone: each ends by its OSError, and the screen waits for ever for room in
    the queue of the one that wrote. The capture ends when its parent does.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    usual = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if isinstance(failure.exc_value, OSError) and failure.exc_value.errno == errno.EIO:
            signal.raise_signal(signal.SIGHUP)
        usual(failure)

    threading.excepthook = hook
