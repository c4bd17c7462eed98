# SPDX-License-Identifier: BSD-2-Clause
"""The interfaces of this network namespace, and whether the host lives on one of them.

Redirecting an interface's frames to xtop takes them from the host. So a link that the host uses is told from a mirror
port before anything is attached.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from typing import Any

from pyroute2 import IPRoute
from pyroute2.ethtool.ioctl import EthtoolError, IoctlEthtool

from xtop.capture_choice import LinkFacts
from xtop.ethtool.ioctl import read_driver
from xtop.ethtool.refusal import Refusal
from xtop.interface import Interface

_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_ROUTE_TABLE_LOCAL = 255  # addresses and broadcast, which the kernel adds for each address
_ETHERNET_TYPES = frozenset({1, 772})  # ARPHRD_ETHER, ARPHRD_LOOPBACK
_UPPER_KINDS = frozenset({"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"})


def list_interfaces() -> list[Interface]:
    """Return every interface of this network namespace, in the kernel's order."""
    with IPRoute() as route:
        links = list(route.get_links())
        names = {link["index"]: link.get("IFLA_IFNAME") for link in links}
        addresses: dict[int, list[str]] = {}
        for address in route.get_addr():
            text = f"{address.get('IFA_LOCAL') or address.get('IFA_ADDRESS')}/{address['prefixlen']}"
            addresses.setdefault(address["index"], []).append(text)
    return [_interface(link, names, addresses.get(link["index"], [])) for link in links]


def in_use(interface: str) -> str | None:
    """Return why redirecting ``interface`` would cut the host, or None where it would not (or there is none such)."""
    with IPRoute() as route:
        index = next(iter(route.link_lookup(ifname=interface)), None)
        if index is None:
            return None
        links = list(route.get_links())
        return (
            _ssh_reason(route, index)
            or _link_reason(links, index)
            or _address_reason(route.get_addr(index=index))
            or _route_reason(route.get_routes(), index)
        )


def link_facts(interface: str) -> LinkFacts | None:
    """Return what the choice of a capture depends on; None where there is no such interface."""
    with IPRoute() as route:
        link = next((link for link in route.get_links() if link.get("IFLA_IFNAME") == interface), None)
    if link is None:
        return None
    return LinkFacts(
        interface,
        in_use=in_use(interface),
        ethernet=link["ifi_type"] in _ETHERNET_TYPES,
        loopback=bool(link["flags"] & _IFF_LOOPBACK),
    )


def facts_of_links(*interfaces: str) -> list[LinkFacts | None]:
    """Return ``link_facts`` of each of ``interfaces``."""
    return [link_facts(interface) for interface in interfaces]


def driver_name(interface: str) -> str:
    """Return the name of the driver of ``interface``; empty where it does not tell."""
    try:
        return read_driver(interface).driver
    except Refusal:
        return ""


def _interface(link: Any, names: dict[int, str], addresses: list[str]) -> Interface:
    name = link.get("IFLA_IFNAME")
    return Interface(
        name=name,
        index=link["index"],
        driver=driver_name(name),
        rx_queues=_rx_queues(name, link.get("IFLA_NUM_RX_QUEUES") or 1),
        mtu=link.get("IFLA_MTU"),
        up=bool(link["flags"] & _IFF_UP),
        carrier=bool(link.get("IFLA_CARRIER")),
        loopback=bool(link["flags"] & _IFF_LOOPBACK),
        addresses=tuple(addresses),
        master=names.get(link.get("IFLA_MASTER")),
    )


def _rx_queues(interface: str, otherwise: int) -> int:
    asker = None
    try:
        asker = IoctlEthtool(interface)
        channels = asker.get_channels()
        return int(channels["rx_count"] + channels["combined_count"]) or otherwise
    except (EthtoolError, OSError):
        return otherwise
    finally:
        if asker is not None:
            asker.close()


def _ssh_reason(route: IPRoute, index: int) -> str | None:
    """Whether the way back to the SSH client is by this interface (sshd(8), SSH_CONNECTION)."""
    client = os.environ.get("SSH_CONNECTION", "").split(" ")[0].split("%")[0]
    try:
        ipaddress.ip_address(client)
        answers = list(route.route("get", dst=client))
    except Exception:  # no session, no route to it: pyroute2 raises its own kinds
        return None
    if any(answer.get("RTA_OIF") == index for answer in answers):
        return f"your SSH session from {client} runs over it"
    return None


def _link_reason(links: Iterable[Any], index: int) -> str | None:
    by_index = {link["index"]: link for link in links}
    link = by_index[index]
    if link["flags"] & _IFF_LOOPBACK:
        return "it is the host's loopback"
    master = link.get("IFLA_MASTER")
    if master is not None:
        name = by_index[master].get("IFLA_IFNAME") if master in by_index else f"interface {master}"
        return f"it is a port of {name}"
    for upper in by_index.values():
        # A veth names its peer in IFLA_LINK as well, so the kind decides.
        kind = upper.get(("IFLA_LINKINFO", "IFLA_INFO_KIND"))
        if upper.get("IFLA_LINK") == index and kind in _UPPER_KINDS:
            return f"{upper.get('IFLA_IFNAME')} runs over it"
    return None


def _address_reason(addresses: Iterable[Any]) -> str | None:
    for address in addresses:
        text = address.get("IFA_LOCAL") or address.get("IFA_ADDRESS")
        if not ipaddress.ip_address(text).is_link_local:
            return f"the host has the address {text} on it"
    return None


def _route_reason(routes: Iterable[Any], index: int) -> str | None:
    for entry in routes:
        if (entry.get("RTA_TABLE") or entry["table"]) == _ROUTE_TABLE_LOCAL:
            continue
        hops = entry.get("RTA_MULTIPATH") or []
        if entry.get("RTA_OIF") != index and not any(hop["oif"] == index for hop in hops):
            continue
        destination = entry.get("RTA_DST")
        if destination is None:
            return "the host's default route leads over it"
        network = ipaddress.ip_network(f"{destination}/{entry['dst_len']}", strict=False)
        if not (network.is_link_local or network.is_multicast):
            return f"the host's route to {network} leads over it"
    return None
