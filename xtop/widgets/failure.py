# SPDX-License-Identifier: BSD-2-Clause
"""What stands in the place of flows where there are none because the source has failed: what, why, and what to do."""

from __future__ import annotations

from textwrap import wrap

from xtop.ink import printable
from xtop.picture import Picture

WIDEST = 76  # cells


def failed_lines(picture: Picture, width: int) -> list[str]:
    """Return the failure in full, wrapped: `WHAT (WHY; WHAT TO DO)` in its parts, a line to run in one of its own."""
    what, _, rest = printable(picture.failure or "").partition(" (")
    why, _, remedy = rest.removesuffix(")").partition("; ")
    title = "The rights to capture are missing" if picture.rights_missing else "No flows"
    lines = [title]
    for part in (what, why, remedy):
        if part:
            lines += ["", *wrap(part, max(10, min(WIDEST, width - 4)), break_on_hyphens=False)]
    return lines
