# SPDX-License-Identifier: BSD-2-Clause
"""Offloads that show xtop something else than was on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.link_state import LinkState
from xtop.tune.plan import UNWANTED_OFFLOADS

_MERGING = ("rx-lro", "rx-gro-hw")
_STRIPPING = ("rx-vlan-hw-parse", "rx-vlan-stag-hw-parse")


def offload_findings(state: LinkState) -> Iterator[Finding]:
    """Yield what the NIC does to packets before they are counted."""
    if "features" in state.unseen:
        yield unseen("offloads", state.unseen["features"], "merged packets are counted as one")
        return
    yield _offloads(state, "merging", _MERGING, "LRO and GRO in the NIC merge packets: counts and sizes are wrong")
    yield _offloads(state, "VLAN stripping", _STRIPPING, f"{UNWANTED_OFFLOADS['rx-vlan-hw-parse']}: flows show VLAN 0")
    gro = state.values.get("features.rx-gro")
    if gro is not None:
        why = "native XDP sees packets before it merges them; ebpf, af_packet and generic XDP see the merged ones"
        yield Finding("GRO", Verdict.OK, str(gro), why, "" if gro == "off" else f"sudo ethtool -K {state.name} gro off")


def _offloads(state: LinkState, name: str, features: tuple[str, ...], why: str) -> Finding:
    on = [feature for feature in features if state.values.get(f"features.{feature}") == "on"]
    if not on:
        return Finding(name, Verdict.OK, "off: " + ", ".join(features), why)
    open_ones = [feature for feature in on if f"features.{feature}" not in state.fixed]
    closed = [feature for feature in on if feature not in open_ones]
    found = "on: " + ", ".join(on) + (f" ({', '.join(closed)}: the driver does not let it change)" if closed else "")
    verdict = Verdict.PROBLEM if name == "merging" else Verdict.BETTER
    return Finding(name, verdict, found, why, f"sudo xtop tune -i {state.name} --apply" if open_ones else "")
