# SPDX-License-Identifier: BSD-2-Clause
"""What xtop's executable calls."""

from __future__ import annotations

import gc
from typing import NoReturn


def console() -> NoReturn:
    """Run xtop as a program, and end the process.

    What is imported stays to the end. A collector that looks through it again and again while it grows takes a
    twentieth of the start, and finds nothing.
    """
    gc.disable()
    from xtop import cli

    gc.freeze()
    gc.enable()
    cli.console()
