# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot's flows in the form of tshark_flows.py's expectations: by key, each with its lives in order of time."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timezone
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FLAG_LETTERS = "FSRPAUECN"  # bit 0 (FIN) to bit 8 (AE, once NS)

End = tuple[str, int]
Key = tuple[End, End, int, int]
Life = dict[str, Any]
COUNTS = ("packets", "bytes", "payload_bytes")
FIELDS = (*COUNTS, "tcp_flags", "ttl_min", "ttl_max", "dscp")


def nanoseconds(text: str) -> int:
    """Read an ISO time with nine decimals, exactly."""
    moment, fraction = text.removesuffix("Z").split(".")
    since = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc) - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + int(fraction)


def order(end: End) -> tuple[bytes, int]:
    """Return what the canonical order of ends is by."""
    return ipaddress.ip_address(end[0]).packed, end[1]


def side_of(direction: dict[str, Any]) -> dict[str, int] | None:
    """One direction with its flags as a number; None when it sent nothing."""
    if not direction["packets"]:
        return None
    flags = sum(1 << FLAG_LETTERS.index(letter) for letter in direction["tcp_flags"])
    return {name: direction[name] for name in FIELDS} | {"tcp_flags": flags}


def snapshot_flows(snapshot: dict[str, Any]) -> dict[Key, list[Life]]:
    """Group a snapshot's entries by key."""
    flows: dict[Key, list[Life]] = {}
    for entry in snapshot["flows"]:
        ends = [(entry[end], entry[f"{end}_port"]) for end in ("source", "destination")]
        canonical = sorted(ends, key=order)
        forward = canonical.index(ends[0])
        sides = [side_of(entry["forward"]), side_of(entry["reverse"])]
        life = {
            "first_seen": nanoseconds(entry["first_seen"]),
            "last_seen": nanoseconds(entry["last_seen"]),
            "forward": forward,
            "sent": sides if forward == 0 else sides[::-1],
        }
        flows.setdefault((canonical[0], canonical[1], entry["protocol"], entry["vlan"]), []).append(life)
    for lives in flows.values():
        lives.sort(key=lambda life: (life["first_seen"], life["last_seen"]))
    return flows


def expected_flows(expectation: dict[str, Any]) -> dict[Key, list[Life]]:
    """Return an expectation file's flows by key."""
    flows: dict[Key, list[Life]] = {}
    for flow in expectation["flows"]:
        ends = [(address, port) for address, port in flow["ends"]]
        flows[(ends[0], ends[1], flow["protocol"], flow["vlan"])] = sorted(
            flow["entries"], key=lambda life: (life["first_seen"], life["last_seen"])
        )
    return flows


def sums(lives: list[Life]) -> list[list[int]]:
    """Packets, bytes and payload that each end sent, all lives together."""
    return [
        [sum(life["sent"][end][name] if life["sent"][end] else 0 for life in lives) for name in COUNTS]
        for end in (0, 1)
    ]


def sum_differences(seen: dict[Key, list[Life]], wanted: dict[Key, list[Life]]) -> list[str]:
    """Say, a line a flow, where the sums differ."""
    lines = []
    for key in sorted(seen.keys() | wanted.keys(), key=repr):
        got, must = sums(seen.get(key, [])), sums(wanted.get(key, []))
        if got != must:
            lines.append(f"{key}: {COUNTS} by end {got}, must be {must}")
    return lines


def agrees(one: Any, other: Any) -> bool:
    """Whether a value is what it must be; a None in an expectation's field is not looked at."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(other[name] is None or one[name] == other[name] for name in other)
    return bool(one == other)


def life_differences(seen: dict[Key, list[Life]], wanted: dict[Key, list[Life]]) -> list[str]:
    """Say, a line a life, what differs."""
    lines = []
    for key in sorted(seen.keys() & wanted.keys(), key=repr):
        got, must = seen[key], wanted[key]
        if len(got) != len(must):
            lines.append(f"{key}: {len(got)} lives, must be {len(must)}")
            continue
        for number, (one, other) in enumerate(zip(got, must, strict=True)):
            same = agrees({**one, "sent": None}, {**other, "sent": None}) and all(
                map(agrees, one["sent"], other["sent"])
            )
            if not same:
                lines.append(f"{key} life {number}: is {one}, must be {other}")
    return lines
