# SPDX-License-Identifier: BSD-2-Clause
"""Times as files carry them: ISO 8601, UTC, nanoseconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NANOSECONDS = 1_000_000_000


def iso_time(nanoseconds: int) -> str:
    """Return ``nanoseconds`` since the epoch as ``2026-01-31T12:00:00.123456789Z``."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_iso_seconds(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4096)  # the times of a million flows lie in a few hundred seconds
def _iso_seconds(seconds: int) -> str:
    try:
        return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    except OverflowError:  # a damaged file may say any time
        return "9999-12-31T23:59:59"
