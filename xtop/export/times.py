# SPDX-License-Identifier: BSD-2-Clause
"""Times as files carry them: ISO 8601, UTC, nanoseconds."""

from __future__ import annotations

import time
from functools import lru_cache

NANOSECONDS = 1_000_000_000
LAST = 253_402_300_799  # the last second of the year 9999: a damaged file may say any time


def iso_time(nanoseconds: int) -> str:
    """Return ``nanoseconds`` since the epoch as ``2026-01-31T12:00:00.123456789Z``."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_iso_seconds(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4096)  # the times of a million flows lie in a few hundred seconds
def _iso_seconds(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(min(seconds, LAST))).rjust(19, "0")
