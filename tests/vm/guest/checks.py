# SPDX-License-Identifier: BSD-2-Clause
"""The checks by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .check_modes import MODES, check_mode
from .links import Nic, Sender

Check = Callable[[Nic, Sender], str]

CHECKS: dict[str, Check] = {
    f"{mode.replace(' ', '-')}-{queues}": partial(check_mode, mode=mode, queues=queues)
    for mode in MODES
    for queues in (1, 4)
}
