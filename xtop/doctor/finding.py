# SPDX-License-Identifier: BSD-2-Clause
"""One line of ``xtop doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a thing stands; the value is the word that is shown."""

    OK = "ok"
    BETTER = "could be better"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing, why it matters, and the command that changes it ("" = nothing to change)."""

    name: str
    verdict: Verdict
    found: str
    why: str
    command: str = ""


def unseen(name: str, reason: str, why: str) -> Finding:
    """Return the finding of a thing that could not be seen."""
    return Finding(name, Verdict.UNKNOWN, f"could not be seen: {reason}", why)
