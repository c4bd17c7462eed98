# SPDX-License-Identifier: BSD-2-Clause
"""What xtop's executable calls."""

from __future__ import annotations

import gc
import os

EXIT_INTERRUPTED = 130


def console() -> None:
    """Run xtop as a program, and end the process.

    What is imported stays to the end. A collector that looks through it again and again while it grows takes a
    twentieth of the start, and finds nothing.
    """
    gc.disable()
    try:
        from xtop import cli

        gc.freeze()
        gc.enable()
        cli.console()
    except KeyboardInterrupt:  # before the command began, or when it was over
        os._exit(EXIT_INTERRUPTED)
