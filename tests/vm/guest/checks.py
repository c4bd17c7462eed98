# SPDX-License-Identifier: BSD-2-Clause
"""The checks by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .check_jumbo import check_jumbo
from .check_kernel import check_auto, check_ebpf, check_features
from .check_kill import check_kill, check_kill_ebpf
from .check_link import check_flap, check_queue_change, check_removed
from .check_loss import check_loss
from .check_missed import check_missed
from .check_modes import MODES, check_mode
from .check_ratio import check_ratio
from .check_screen import check_screen
from .check_too_long import check_too_long
from .check_tune import check_doctor, check_tune
from .links import Nic, Sender

Check = Callable[[Nic, Sender], str]


def _word(mode: str) -> str:
    return mode.replace(" ", "-")


CHECKS: dict[str, Check] = {
    **{f"{_word(mode)}-{queues}": partial(check_mode, mode=mode, queues=queues) for mode in MODES for queues in (1, 4)},
    **{f"kill-{_word(mode)}": partial(check_kill, mode=mode) for mode in MODES},
    **{f"loss-{_word(mode)}": partial(check_loss, mode=mode) for mode in MODES},
    **{f"flap-{_word(mode)}": partial(check_flap, mode=mode) for mode in MODES},
    **{f"jumbo-{_word(mode)}": partial(check_jumbo, mode=mode) for mode in MODES},
    **{f"removed-{_word(mode)}": partial(check_removed, mode=mode) for mode in MODES},
    **{f"missed-{_word(mode)}": partial(check_missed, mode=mode) for mode in MODES},
    **{f"queue-change-{_word(mode)}": partial(check_queue_change, mode=mode) for mode in MODES},
    **{f"too-long-{_word(mode)}": partial(check_too_long, mode=mode) for mode in MODES},
    "kill-ebpf": check_kill_ebpf,
    "auto": check_auto,
    "ebpf": check_ebpf,
    "ratio": check_ratio,
    "features": check_features,
    "screen": check_screen,
    "doctor": check_doctor,
    "tune": check_tune,
}
