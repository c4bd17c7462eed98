# SPDX-License-Identifier: BSD-2-Clause
"""Where this user's own files lie (XDG base directories)."""

from __future__ import annotations

import os
from pathlib import Path


def own_directory(variable: str, beneath: str) -> Path:
    """Return xtop's directory in ``$variable``, else in ``beneath`` of the home; in / where there is no home.

    That is the lot of a user number without a name, as containers are given: nothing is found there, and nothing kept.
    """
    named = os.environ.get(variable, "")
    if named.startswith("/"):
        return Path(named) / "xtop"
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/")
    return home / beneath / "xtop"
