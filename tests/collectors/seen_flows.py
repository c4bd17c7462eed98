# SPDX-License-Identifier: BSD-2-Clause
"""Flows as xtop's JSON, nfdump, nfacctd and tshark tell them, brought to one form so that they can be compared."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as xml
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ICMP, ICMPV6 = 1, 58


@dataclass(frozen=True)
class Seen:
    """A flow, or one direction of it; times in ms since the epoch, ICMP's type and code where ports are else."""

    source: str
    destination: str
    ports: tuple[int, int]
    protocol: int
    vlan: int
    packets: int
    bytes: int
    flags: str
    first: int
    last: int
    back: tuple[int, int] = (0, 0)  # packets and bytes of the other direction


def milliseconds(iso: str) -> int:
    """``2020-02-07T22:05:20.512345678Z``, any number of decimals, as ms since the epoch, cut off."""
    whole, _, fraction = iso.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp())
    return seconds * 1000 + int(fraction[:3].ljust(3, "0"))


def _ports(protocol: int, source: int, destination: int) -> tuple[int, int]:
    return divmod(destination, 256) if protocol in {ICMP, ICMPV6} else (source, destination)


def of_snapshot(snapshot: dict[str, Any]) -> Counter[Seen]:
    """Both directions as one."""
    return Counter(_biflow(flow) for flow in snapshot["flows"])


def _biflow(flow: dict[str, Any]) -> Seen:
    there, back = flow["forward"], flow["reverse"]
    return Seen(
        flow["source"], flow["destination"], _ports(flow["protocol"], flow["source_port"], flow["destination_port"]),
        flow["protocol"], flow["vlan"], there["packets"], there["bytes"], there["tcp_flags"],
        milliseconds(there["first_seen"] or flow["first_seen"]), milliseconds(there["last_seen"] or flow["last_seen"]),
        (back["packets"], back["bytes"]),
    )  # fmt: skip


def directions_of_snapshot(snapshot: dict[str, Any]) -> Counter[Seen]:
    """Each direction by itself."""
    return Counter(one for flow in snapshot["flows"] for one in _directions(flow))


def _directions(flow: dict[str, Any]) -> Iterator[Seen]:
    ends = [(flow["source"], flow["source_port"]), (flow["destination"], flow["destination_port"])]
    for side, (source, destination) in zip(("forward", "reverse"), (ends, ends[::-1]), strict=True):
        one = flow[side]
        if not one["packets"]:
            continue
        ports = _ports(flow["protocol"], source[1], destination[1])
        if side == "reverse" and flow["protocol"] in {ICMP, ICMPV6}:
            echo_reply = 0 if flow["protocol"] == ICMP else 129  # nothing else has an answer in the same flow
            ports = (echo_reply, flow["destination_port"] % 256)
        yield Seen(
            source[0], destination[0], ports, flow["protocol"], flow["vlan"], one["packets"], one["bytes"],
            one["tcp_flags"], milliseconds(one["first_seen"]), milliseconds(one["last_seen"]),
        )  # fmt: skip


def of_nfdump(directory: Path) -> Counter[Seen]:
    """What nfdump reads out of the files that nfcapd wrote into ``directory``."""
    command = ["nfdump", "-R", str(directory), "-o", "json"]
    done = subprocess.run(
        command, capture_output=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}, timeout=60, check=True
    )
    text = done.stdout.decode()
    return Counter(map(_of_nfdump, json.loads(text[text.index("[") : text.rindex("]") + 1])))


def _of_nfdump(one: dict[str, Any]) -> Seen:
    icmp = one["proto"] in {ICMP, ICMPV6}
    family = "4" if "src4_addr" in one else "6"
    first, last = (one.get(name) or one[f"t_{name}"] for name in ("first", "last"))  # 1.6 has the latter names
    return Seen(
        one[f"src{family}_addr"], one[f"dst{family}_addr"],
        (one["icmp_type"], one["icmp_code"]) if icmp else (one.get("src_port", 0), one.get("dst_port", 0)),
        one["proto"], one.get("src_vlan", 0), one["in_packets"], one["in_bytes"],
        one["tcp_flags"].replace(".", "") if one["proto"] == 6 else "", milliseconds(first),
        milliseconds(last), (one.get("out_packets", 0), one.get("out_bytes", 0)),
    )  # fmt: skip


PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "sctp": 132}
FLAG_LETTERS = "FSRPAUEC"


def of_nfacctd(lines: Iterable[str]) -> Counter[Seen]:
    """What nfacctd printed, as JSON; it makes no ICMP type and code of their elements, and leaves them 0."""
    return Counter(_of_nfacctd(json.loads(line)) for line in lines)


def _of_nfacctd(one: dict[str, Any]) -> Seen:
    flags = int(one["tcp_flags"])
    first, last = (int(float(one[name]) * 1000 + 0.5) for name in ("timestamp_start", "timestamp_end"))
    return Seen(
        one["ip_src"], one["ip_dst"], (one["port_src"], one["port_dst"]), PROTOCOLS[one["ip_proto"]], one["vlan"],
        one["packets"], one["bytes"],
        "".join(letter for bit, letter in enumerate(FLAG_LETTERS) if flags >> bit & 1)[::-1], first, last,
    )  # fmt: skip


def of_tshark(file: Path) -> Counter[Seen]:
    """What tshark dissects of an IPFIX file: data records that have addresses."""
    done = subprocess.run(["tshark", "-r", str(file), "-T", "pdml"], capture_output=True, timeout=100, check=True)
    trees = xml.fromstring(done.stdout).iter("field")
    return Counter(_of_tshark(tree) for tree in trees if tree.get("show", "").startswith("Flow ") and _is_flow(tree))


def _is_flow(tree: xml.Element) -> bool:
    return any(one.get("name") in {"cflow.srcaddr", "cflow.srcaddrv6"} for one in tree)


def _of_tshark(tree: xml.Element) -> Seen:
    """The reverse direction is marked as such in the text; what is read is the value's own bytes."""
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for one in tree.iter("field"):
        name = one.get("name", "").removeprefix("cflow.")
        (back if "Reverse" in one.get("showname", "") else there)[name] = one.get("value") or one.get("show", "")
    protocol = int(there["protocol"], 16)
    ports = tuple(int(there.get(name, "0"), 16) for name in ("srcport", "dstport"))
    if "icmp_type_code_ipv4" in there:
        ports = divmod(int(there["icmp_type_code_ipv4"], 16), 256)
    elif "icmp_ipv6_type" in there:
        ports = int(there["icmp_ipv6_type"], 16), int(there["icmp_ipv6_code"], 16)
    shown = {one.get("name"): one.get("show", "") for one in tree}
    flags = int(there.get("tcpflags", "0"), 16)
    return Seen(
        shown.get("cflow.srcaddr") or shown["cflow.srcaddrv6"], shown.get("cflow.dstaddr") or shown["cflow.dstaddrv6"],
        (ports[0], ports[1]), protocol, int(there["vlanid"], 16), int(there["packets"], 16), int(there["octets"], 16),
        "".join(letter for bit, letter in enumerate(FLAG_LETTERS + "N") if flags >> bit & 1)[::-1],
        int(there["abstimestart"], 16), int(there["abstimeend"], 16),
        (int(back.get("packets", "0"), 16), int(back.get("octets", "0"), 16)),
    )  # fmt: skip
