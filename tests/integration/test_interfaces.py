# SPDX-License-Identifier: BSD-2-Clause
"""What counts as a link that the host lives on, in namespaces made for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from xtop.interfaces import in_use, list_interfaces

from .conftest import Link


@pytest.fixture
def link(make_link: Callable[..., Link]) -> Link:
    return make_link(queues=4)


def index_of(route: IPRoute, name: str) -> int:
    return int(route.link_lookup(ifname=name)[0])


def test_a_link_without_anything_on_it_is_free(link: Link) -> None:
    with link.inside():
        assert in_use("v1") is None
        assert in_use("no-such-link") is None
        found = {interface.name: interface for interface in list_interfaces()}
    assert (found["v1"].driver, found["v1"].rx_queues, found["v1"].mtu) == ("veth", 4, 1500)
    assert found["v1"].up
    assert found["v1"].carrier
    assert found["v1"].master is None


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_is_a_use(link: Link, address: str) -> None:
    with link.route() as route:
        route.addr("add", index=index_of(route, "v1"), address=address, prefixlen=24 if "." in address else 64)
    with link.inside():
        assert in_use("v1") == f"the host has the address {address} on it"


def test_a_link_local_address_is_none(link: Link) -> None:
    with link.route() as route:
        route.addr("add", index=index_of(route, "v1"), address="fe80::1", prefixlen=64)
    with link.inside():
        assert in_use("v1") is None


def test_a_route_is_a_use(link: Link) -> None:
    with link.route() as route:
        route.route("add", dst="198.51.100.0/24", oif=index_of(route, "v1"), scope="link")
    with link.inside():
        assert in_use("v1") == "the host's route to 198.51.100.0/24 leads over it"


def test_a_bridge_port_is_a_use(link: Link) -> None:
    with link.route() as route:
        route.link("add", ifname="br0", kind="bridge")
        route.link("set", index=index_of(route, "v1"), master=index_of(route, "br0"))
    with link.inside():
        assert in_use("v1") == "it is a port of br0"


def test_a_link_on_top_of_it_is_a_use(link: Link) -> None:
    with link.route() as route:
        index = index_of(route, "v1")
        try:
            route.link("add", ifname="upper", kind="vlan", link=index, vlan_id=7)
        except NetlinkError:  # a kernel without the 8021q module
            try:
                route.link("add", ifname="upper", kind="macvlan", link=index)
            except NetlinkError as error:
                pytest.skip(f"this kernel has neither vlan nor macvlan links ({error})")
    with link.inside():
        assert in_use("v1") == "upper runs over it"


def test_the_way_back_of_ssh_is_a_use(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    with link.route() as route:
        route.addr("add", index=index_of(route, "v1"), address="192.0.2.1", prefixlen=24)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.1 22")
    with link.inside():
        assert in_use("v1") == "your SSH session from 192.0.2.9 runs over it"
        assert in_use("v0") is None
