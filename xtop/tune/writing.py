# SPDX-License-Identifier: BSD-2-Clause
"""Puts values into the kernel, one group after the other, and tells what it refused in its own words."""

from __future__ import annotations

from collections.abc import Mapping

from xtop.ethtool.features import write_feature
from xtop.ethtool.ioctl import write_rss_key, write_rss_table
from xtop.ethtool.numbers import GROUPS, write_numbers
from xtop.ethtool.refusal import Refusal
from xtop.link_state import LinkState, Value
from xtop.machine_files import MachineFiles
from xtop.number_list import parse_number_list
from xtop.tune.plan import equal_spread

# Queues first: they decide what rings, table and interrupts there are.
PHASES = ("channels", "rings", "features", "coalesce", "rss", "irq", "sysctl")
_TABLE_LIMIT = 1 << 16


def phase_of(key: str) -> str:
    """Return the phase in which setting ``key`` is written."""
    return key.partition(".")[0]


def write_values(state: LinkState, values: Mapping[str, Value], files: MachineFiles) -> dict[str, str]:
    """Write ``values``, all of one phase, to the link of ``state``; return the refusals by key."""
    phase = phase_of(next(iter(values)))
    if phase in GROUPS:
        return _write_group(state, phase, values)
    refusals = {}
    for key, value in values.items():
        try:
            _write_one(state, key, value, files)
        except Refusal as refusal:
            refusals[key] = str(refusal)
        except OSError as error:
            refusals[key] = error.strerror or str(error)
    return refusals


def _write_group(state: LinkState, group: str, values: Mapping[str, Value]) -> dict[str, str]:
    """All at once, since some drivers want them to agree; where that is refused one by one, to learn which one."""
    numbers = {key.partition(".")[2]: _number(value) for key, value in values.items()}
    refusals: dict[str, str] = {}
    try:
        write_numbers(state.index, group, numbers)
    except Refusal as refusal:
        if len(numbers) == 1:
            return dict.fromkeys(values, str(refusal))
        for key, value in values.items():
            refusals.update(_write_group(state, group, {key: value}))
    return refusals


def _number(value: Value) -> int:
    return int(value == "on") if isinstance(value, str) else value


def _write_one(state: LinkState, key: str, value: Value, files: MachineFiles) -> None:
    phase, _, name = key.partition(".")
    if phase == "features":
        write_feature(state.index, name, value == "on")
    elif key == "rss.key":
        write_rss_key(state.name, bytes.fromhex(str(value).replace(":", "")))
    elif key == "rss.table":
        write_rss_table(state.name, _table(state, str(value)))
    elif phase == "irq":
        files.write(f"proc/irq/{int(name)}/smp_affinity_list", str(value))
    elif phase == "sysctl":
        files.write("proc/sys/" + name.replace(".", "/"), str(value))


def _table(state: LinkState, text: str) -> tuple[int, ...] | None:
    """Return the table to write; None for the kernel's own spread, which then follows the number of queues again."""
    table = tuple(parse_number_list(part, _TABLE_LIMIT)[0] for part in text.split(","))
    if state.rx_queues and text == equal_spread(len(table), state.rx_queues):
        return None
    return table
