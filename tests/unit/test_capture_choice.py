# SPDX-License-Identifier: BSD-2-Clause
"""--capture auto, as a table; and what is refused because it would cut the host off."""

from __future__ import annotations

import pytest

from xtop.capture_choice import LinkFacts, choose_capture
from xtop.source import SourceError

MIRROR = LinkFacts("eth1")
USED = LinkFacts("eth0", in_use="the host has the address 192.0.2.1 on it")
SSH = LinkFacts("eth0", in_use="your SSH session from 192.0.2.9 runs over it")
PORT = LinkFacts("eth2", in_use="it is a port of br0")
LOOPBACK = LinkFacts("lo", in_use="it is the host's loopback", loopback=True)
TUNNEL = LinkFacts("tun0", ethernet=False)


@pytest.mark.parametrize(
    ("facts", "captures", "reason"),
    [
        (MIRROR, ("af_xdp", "ebpf", "af_packet"), "nothing of this host uses eth1"),
        (USED, ("ebpf", "af_packet"), "the host has the address 192.0.2.1 on it"),
        (SSH, ("ebpf", "af_packet"), "your SSH session from 192.0.2.9 runs over it"),
        (PORT, ("ebpf", "af_packet"), "it is a port of br0"),
        (LOOPBACK, ("af_packet",), "lo is the host's loopback"),
        (TUNNEL, ("ebpf", "af_packet"), "tun0 carries no Ethernet frames, which AF_XDP needs"),
    ],
)
def test_auto(facts: LinkFacts, captures: tuple[str, ...], reason: str) -> None:
    choice = choose_capture(facts)
    assert (choice.captures, choice.reason) == (captures, reason)


@pytest.mark.parametrize("needing", [{"filtered": True}, {"byte_histogram": True}, {"dedup": True}])
def test_some_options_need_the_packets_themselves(needing: dict[str, bool]) -> None:
    assert choose_capture(USED, **needing).captures == ("af_packet",)  # type: ignore[arg-type]
    assert choose_capture(MIRROR, **needing).captures == ("af_xdp", "af_packet")  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"use (--capture )?af_packet"):
        choose_capture(USED, "ebpf", **needing)  # type: ignore[arg-type]


@pytest.mark.parametrize("facts", [MIRROR, USED, LOOPBACK, TUNNEL])
@pytest.mark.parametrize("asked", ["ebpf", "af_packet"])
def test_what_takes_nothing_from_the_host_is_had_anywhere(facts: LinkFacts, asked: str) -> None:
    assert choose_capture(facts, asked).captures == (asked,)
    assert choose_capture(facts, asked, force=True).captures == (asked,)


@pytest.mark.parametrize("facts", [USED, SSH, PORT, LOOPBACK])
@pytest.mark.parametrize(("asked", "options"), [("af_xdp", []), ("auto", ["-N"]), ("auto", ["-q"])])
def test_a_link_in_use_is_not_redirected(facts: LinkFacts, asked: str, options: list[str]) -> None:
    with pytest.raises(SourceError) as refusal:
        choose_capture(facts, asked, xdp_options=options)
    assert refusal.value.exit_code == 2
    assert facts.in_use is not None
    for part in (f"refusing to redirect {facts.interface}", facts.in_use, "--capture ebpf", "--force"):
        assert part in str(refusal.value)


@pytest.mark.parametrize("asked", ["auto", "af_xdp"])
def test_force_redirects_and_says_what_it_overrides(asked: str) -> None:
    choice = choose_capture(USED, asked, force=True)
    assert choice.captures == ("af_xdp",)
    assert choice.reason.endswith("although the host has the address 192.0.2.1 on it")


def test_options_of_af_xdp_ask_for_it() -> None:
    assert choose_capture(MIRROR, xdp_options=["-S"]).captures == ("af_xdp",)
    with pytest.raises(SourceError, match="-S is for AF_XDP"):
        choose_capture(MIRROR, "af_packet", xdp_options=["-S"])
    with pytest.raises(SourceError, match="no Ethernet frames"):
        choose_capture(TUNNEL, "af_xdp", force=True)
