# SPDX-License-Identifier: BSD-2-Clause
"""Queues, rings and interrupt moderation: the settings of a driver that are plain numbers, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from xtop.ethtool.conversation import Conversation
from xtop.ethtool.messages import (
    CHANNELS_GET,
    CHANNELS_SET,
    COALESCE_GET,
    COALESCE_SET,
    ETHTOOL_FAMILY,
    ETHTOOL_VERSION,
    RINGS_GET,
    RINGS_SET,
    ChannelsMessage,
    CoalesceMessage,
    RingsMessage,
)


@dataclass(frozen=True, slots=True)
class _Group:
    message: type[Any]
    get: int
    set: int
    names: Mapping[str, tuple[str, str | None]]  # ethtool(8)'s name: attribute, attribute of its maximum


@dataclass(frozen=True, slots=True)
class Number:
    """What a setting is, and the most it can be (None = the driver does not say)."""

    value: int
    maximum: int | None


GROUPS: Mapping[str, _Group] = MappingProxyType(
    {
        "channels": _Group(
            ChannelsMessage,
            CHANNELS_GET,
            CHANNELS_SET,
            {
                "rx": ("RX_COUNT", "RX_MAX"),
                "tx": ("TX_COUNT", "TX_MAX"),
                "combined": ("COMBINED_COUNT", "COMBINED_MAX"),
            },
        ),
        "rings": _Group(
            RingsMessage,
            RINGS_GET,
            RINGS_SET,
            {
                "rx": ("RX", "RX_MAX"),
                "rx-mini": ("RX_MINI", "RX_MINI_MAX"),
                "rx-jumbo": ("RX_JUMBO", "RX_JUMBO_MAX"),
                "tx": ("TX", "TX_MAX"),
            },
        ),
        "coalesce": _Group(
            CoalesceMessage,
            COALESCE_GET,
            COALESCE_SET,
            {
                "adaptive-rx": ("USE_ADAPTIVE_RX", None),
                "adaptive-tx": ("USE_ADAPTIVE_TX", None),
                "rx-usecs": ("RX_USECS", None),
                "rx-frames": ("RX_MAX_FRAMES", None),
                "tx-usecs": ("TX_USECS", None),
                "tx-frames": ("TX_MAX_FRAMES", None),
            },
        ),
    }
)


def read_numbers(index: int, group: str) -> Mapping[str, Number]:
    """Return what the driver of interface number ``index`` has of ``group``, by ethtool(8)'s names; raise Refusal."""
    table = GROUPS[group]
    with Conversation(ETHTOOL_FAMILY, ETHTOOL_VERSION, table.message) as kernel:
        answer = kernel.ask(table.get, [_header(index)])
    found = {}
    for name, (attribute, of_maximum) in table.names.items():
        value = answer.get(attribute)
        if value is not None:
            found[name] = Number(value, answer.get(of_maximum) if of_maximum else None)
    return found


def write_numbers(index: int, group: str, values: Mapping[str, int]) -> None:
    """Set ``values`` of ``group`` in one request; raise Refusal, and then nothing was changed."""
    table = GROUPS[group]
    attributes = [(table.names[name][0], value) for name, value in values.items()]
    with Conversation(ETHTOOL_FAMILY, ETHTOOL_VERSION, table.message) as kernel:
        kernel.order(table.set, [_header(index), *attributes])


def _header(index: int) -> tuple[str, object]:
    return ("HEADER", {"attrs": [["ETHTOOL_A_HEADER_DEV_INDEX", index]]})
