# SPDX-License-Identifier: BSD-2-Clause
"""How soon the screen draws what has changed: the framework does so at steps of 1/60 s, which who types waits for."""

from __future__ import annotations

import os

STEPS = "120"  # a second; while nothing has changed none is taken


def take_short_steps() -> None:
    """Have Textual take more of them, unless the user's own TEXTUAL_FPS says how many; before it is imported."""
    os.environ.setdefault("TEXTUAL_FPS", STEPS)
