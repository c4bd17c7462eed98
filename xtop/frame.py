# SPDX-License-Identifier: BSD-2-Clause
"""One moment as it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xtop.history import LossNow
from xtop.model import Snapshot, View


@dataclass(frozen=True, slots=True)
class Frame:
    """A snapshot, and what it takes the one before to tell."""

    snapshot: Snapshot
    loss_now: LossNow = field(default_factory=LossNow)
    last_lost: Mapping[str, int] = field(default_factory=dict)  # cause -> when it last grew, ns
    view: View | None = None  # by which its rows were asked for, where that is known
