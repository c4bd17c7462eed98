# SPDX-License-Identifier: BSD-2-Clause
"""Offloads by name: which are on, which the user asked for, which the driver lets nobody change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtop.ethtool.conversation import Conversation
from xtop.ethtool.messages import (
    ETHTOOL_FAMILY,
    ETHTOOL_VERSION,
    FEATURES_GET,
    FEATURES_SET,
    FLAG_OMIT_REPLY,
    FeaturesMessage,
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One offload. ``wanted`` is what was asked for and comes back when what holds it down goes."""

    active: bool
    wanted: bool
    fixed: bool


def read_features(index: int) -> Mapping[str, Feature]:
    """Return every offload of interface number ``index`` by its name in the kernel; raise Refusal."""
    with Conversation(ETHTOOL_FAMILY, ETHTOOL_VERSION, FeaturesMessage) as kernel:
        answer = kernel.ask(FEATURES_GET, [_header(index, 0)])
    changeable, wanted = names_set(answer.get("HW")), names_set(answer.get("WANTED"))
    active, frozen = names_set(answer.get("ACTIVE")), names_set(answer.get("NOCHANGE"))
    every = changeable | wanted | active | frozen | names_listed(answer.get("HW"))
    return {name: Feature(name in active, name in wanted, name not in changeable - frozen) for name in every if name}


def write_feature(index: int, name: str, on: bool) -> None:
    """Ask for offload ``name`` to be on or off; raise Refusal. Whether it is then active, reading it says."""
    bit: list[list[object]] = [["ETHTOOL_A_BITSET_BIT_NAME", name]]
    if on:
        bit.append(["ETHTOOL_A_BITSET_BIT_VALUE", True])
    bits = {"attrs": [["ETHTOOL_A_BITSET_BITS_BIT", {"attrs": bit}]]}
    with Conversation(ETHTOOL_FAMILY, ETHTOOL_VERSION, FeaturesMessage) as kernel:
        wanted = ("WANTED", {"attrs": [["ETHTOOL_A_BITSET_BITS", bits]]})
        kernel.order(FEATURES_SET, [_header(index, FLAG_OMIT_REPLY), wanted])


def names_set(bitset: Any) -> set[str]:
    """Return the names of the bits that ``bitset`` says are set; with a mask each listed bit says so for itself."""
    bare = bitset is not None and bitset.get("ETHTOOL_A_BITSET_NOMASK") is not None
    return {name for name, value in _bits(bitset) if bare or value}


def names_listed(bitset: Any) -> set[str]:
    """Return the names of all bits that ``bitset`` speaks of, set or not."""
    return {name for name, _ in _bits(bitset)}


def _bits(bitset: Any) -> list[tuple[str, bool]]:
    listed = None if bitset is None else bitset.get("ETHTOOL_A_BITSET_BITS")
    bits = [] if listed is None else listed.get_attrs("ETHTOOL_A_BITSET_BITS_BIT")
    return [
        (bit.get("ETHTOOL_A_BITSET_BIT_NAME") or "", bit.get("ETHTOOL_A_BITSET_BIT_VALUE") is not None) for bit in bits
    ]


def _header(index: int, flags: int) -> tuple[str, object]:
    return ("HEADER", {"attrs": [["ETHTOOL_A_HEADER_DEV_INDEX", index], ["ETHTOOL_A_HEADER_FLAGS", flags]]})
