# SPDX-License-Identifier: BSD-2-Clause
"""What an expression lets through, said flow by flow; and what is said of one that is wrong, word by word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.filter_flows import NOW, flow, sides
from xtop._native import ffi, lib
from xtop.filter_language.compiler import compile_filter, grouping
from xtop.filter_language.errors import FilterError
from xtop.filter_language.flow_expression import flow_expression
from xtop.filter_language.rows import matches
from xtop.filter_language.words import WORDS, help_entries
from xtop.model import Flow, Tunnel
from xtop.native_filter import native_program


def passes(text: str, one: Flow) -> bool:
    program = compile_filter(text)
    assert program is not None
    return matches(program, one, NOW)


WEB = flow("tcp 10.0.0.1:40000 > 192.0.2.7:443")
SSH = flow("tcp 192.0.2.7:50000 > 10.0.0.1:22")
DNS = flow("udp 10.0.0.2:5353 > 192.0.2.53:53")
WEB6 = flow("tcp [2001:db8::1]:40000 > [2001:db8:1::7]:80")
PING = flow("icmp 10.0.0.1:0 > 10.0.0.2:2048")  # type 8, code 0
FLOWS = {"web": WEB, "ssh": SSH, "dns": DNS, "web6": WEB6, "ping": PING}

# An expression, and those of FLOWS that it is for.
CHOSEN = {
    "tcp": "web ssh web6",
    "proto tcp": "web ssh web6",
    "proto 17": "dns",
    "ip6": "web6",
    "ip": "web ssh dns ping",
    "ip proto tcp": "web ssh",
    "icmp": "ping",
    "icmp-type 8": "ping",
    "icmp-type 0": "",
    "host 10.0.0.1": "web ssh ping",
    "src host 10.0.0.1": "web ping",
    "src 10.0.0.1": "web ping",
    "dst host 10.0.0.1": "ssh",
    "src or dst host 10.0.0.1": "web ssh ping",
    "src and dst net 10.0.0.0/8": "ping",
    "host 10.0.0.0/8 and not dst host 10.0.0.1": "web dns ping",
    "net 10": "web ssh dns ping",
    "net 192.0.2": "web ssh dns",
    "net 192.0.2.7 mask 255.255.255.0": "web ssh dns",
    "net 192.0.2.0/26": "web ssh dns",
    "net 192.0.2.0/27": "web ssh",
    "net 2001:db8::/32": "web6",
    "src and dst net 2001:db8::/48": "",
    "0.0.0.0/0": "web ssh dns ping",
    "port 443": "web",
    "port https": "web",
    "https or domain": "web dns",
    "443": "web",
    "22-80": "ssh dns web6",
    "port 22,53": "ssh dns",
    "src port 1024-65535": "web ssh dns web6",
    "src port > 45000": "ssh",
    "dst port != 443": "ssh dns web6",
    "not dst port 443": "ssh dns web6 ping",
    "portrange 50-60": "dns",
    "tcp port 80 or 443": "web web6",
    "tcp dst port 443 or 53": "web",  # tcp goes over to 53 as well
    "udp port 443 or 53": "dns",
    "ip6 host 2001:db8::1": "web6",
    "ip6 port 443 or 80": "web6",
    "host 10.0.0.2 or 192.0.2.7": "web ssh dns ping",
    "dst host 10.0.0.1 or 10.0.0.2": "ssh ping",
    "host (10.0.0.2 or 2001:db8::1)": "dns web6 ping",
    "port (22 or not 443)": "ssh dns web6 ping",
    "port 80 and 2001:db8::1": "web6",
    "port 443 or udp": "web dns",
    "tcp 443": "web",
    "10.0.0.1": "web ssh ping",
    "not host 10.0.0.1 and 192.0.2.53": "dns",  # pcap-filter(7): not host vs and host ace
    "tcp && !host 10.0.0.1 || 53": "dns web6",
    # and, or from left to right, alike, as pcap-filter(7) has it
    "udp or tcp and port 53": "dns",
    "udp or (tcp and port 443)": "web dns",
    "port 53 and udp or tcp": "web ssh dns web6",
    "not tcp and not udp": "ping",
    "not (tcp or udp)": "ping",
    "not not tcp": "web ssh web6",
    "!tcp": "dns ping",
    "TCP AND Port 443": "web",
    "  tcp  ": "web ssh web6",
    "vlan": "",
    "entropy > 7.5": "",
    "entropy < 7.5": "",
}


@pytest.mark.parametrize("text", CHOSEN)
def test_which_flows_pass(text: str) -> None:
    assert " ".join(name for name, one in FLOWS.items() if passes(text, one)) == CHOSEN[text]


SYN = sides({"packets": 1, "tcp_flags": 2}, {})
ANSWERED = sides(
    {"packets": 5, "bytes": 300, "tcp_flags": 0x1B, "ttl_min": 60, "ttl_max": 64, "dscp": 46},
    {"packets": 2, "bytes": 100, "tcp_flags": 0x12, "ttl_min": 3, "ttl_max": 3, "retransmissions": 2},
)


@pytest.mark.parametrize(
    ("text", "changes", "passed"),
    [
        ("flags syn", SYN, True),
        ("flags S", SYN, True),
        ("flags syn and not flags ack", SYN, True),
        ("flags syn and not flags ack", ANSWERED, False),
        ("flags syn,ack", ANSWERED, True),
        ("flags SA", ANSWERED, True),
        ("flags rst", ANSWERED, False),
        ("src flags fin", ANSWERED, True),
        ("dst flags fin", ANSWERED, False),
        ("flags none", sides({"packets": 1}, {}), True),
        ("flags none", SYN, False),
        ("flags != syn", SYN, False),
        ("packets < 3", SYN, True),
        ("packets = 7", ANSWERED, True),
        ("packets 7", ANSWERED, True),
        ("packets 5-9", ANSWERED, True),
        ("packets > 6.5", ANSWERED, True),
        ("packets < 6.5", ANSWERED, False),
        ("packets = 6.5", ANSWERED, False),
        ("dst packets = 0", SYN, True),
        ("src packets >= 5 and dst packets <= 2", ANSWERED, True),
        ("bytes 400", ANSWERED, True),
        ("src and dst bytes > 99", ANSWERED, True),
        ("src and dst bytes > 100", ANSWERED, False),
        ("bytes < 0.4k", ANSWERED, False),
        ("bytes <= 0.4kB", ANSWERED, True),
        ("ttl < 5", ANSWERED, True),
        ("src ttl < 5", ANSWERED, False),
        ("ttl 62", ANSWERED, True),
        ("dst ttl > 0", SYN, False),
        ("dst ttl != 9", SYN, False),
        ("dscp 46", ANSWERED, True),
        ("retransmissions > 1", ANSWERED, True),
        ("retr > 2", ANSWERED, False),
        ("bps > 1M", {"bps": 1e6}, False),
        ("bps > 1M", {"bps": 1.0001e6}, True),
        ("bps >= 1M", {"bps": 1e6}, True),
        ("bps 1M", {"bps": 1e6}, True),
        ("bps > 1MB/s", {"bps": 7.9e6}, False),
        ("bps > 1MB/s", {"bps": 8.1e6}, True),
        ("bps > 1Mbit/s", {"bps": 1.1e6}, True),
        ("bps < 1Ki", {"bps": 1023.9}, True),
        ("pps < 10k", {"pps": 9999.0}, True),
        ("bpp > 400", {"bytes": 2005, "packets": 5}, True),
        ("age > 5m", {"first_seen": NOW - 301 * 10**9}, True),
        ("age > 5m", {"first_seen": NOW - 300 * 10**9}, False),
        ("age < 1", {"first_seen": NOW - 10**9 + 1}, True),
        ("idle >= 1.5s", {"last_seen": NOW - 1_500_000_000}, True),
        ("duration < 2ms", {"first_seen": NOW, "last_seen": NOW + 1_999_999}, True),
        ("duration = 2ms", {"first_seen": NOW, "last_seen": NOW + 2_000_000}, True),
        ("rtt > 100ms", {"rtt_us": 100_001}, True),
        ("rtt < 100ms", {"rtt_us": None}, False),
        ("vlan 12", {"vlan": 12}, True),
        ("vlan 12 or 13", {"vlan": 13}, True),
        ("vlan", {"vlan": 13}, True),
        ("not vlan", {"vlan": 0}, True),
        ("tunnel", {"tunnel": Tunnel("vxlan", 42)}, True),
        ("tunnel", {}, False),
        ("tunnel vxlan and tunnel-id 42", {"tunnel": Tunnel("vxlan", 42)}, True),
        ("tunnel geneve or vxlan", {"tunnel": Tunnel("vxlan", 42)}, True),
        ("tunnel gre", {"tunnel": Tunnel("gre")}, True),
        ("tunnel gre", {"tunnel": Tunnel("gre", 7)}, True),
        ("tunnel != vxlan", {"tunnel": Tunnel("gre", 7)}, True),
        ("tunnel-id >= 0", {"tunnel": Tunnel("ipip")}, False),
        ("state established", {"tcp_state": "established"}, True),
        ("state syn-ack", {"tcp_state": "syn_ack"}, True),
        ("state syn or fin", {"tcp_state": "fin"}, True),
        ("state != syn", {"tcp_state": "fin"}, True),
        ("state live", {"end_reason": None}, True),
        ("state ended", {"end_reason": "idle"}, True),
        ("end idle", {"end_reason": "idle"}, True),
        ("end tcp", {"end_reason": "idle"}, False),
        ("end cache-full", {"end_reason": "cache_full"}, True),
    ],
)
def test_what_is_asked_of_a_flow(text: str, changes: dict[str, Any], passed: bool) -> None:
    assert passes(text, flow(**changes)) is passed


def test_udp_has_no_state_flags_or_retransmissions() -> None:
    for text in ("state != syn", "flags none", "retransmissions = 0", "rtt < 1h", "icmp-type 0"):
        assert not passes(text, DNS), text


@pytest.mark.parametrize(
    ("text", "fault", "said"),
    [
        ("prto tcp", "prto", "did you mean proto?"),
        ("proto tpc", "tpc", "did you mean tcp?"),
        ("tcp and prt 80", "prt", "did you mean port?"),
        ("tcp and flgs syn", "flgs", "did you mean flags?"),
        ("port htps", "htps", "did you mean https?"),
        ("port 80,443,99999", "99999", "0 to 65535"),
        ("port 90-80", "90-80", "begins after its end"),
        ("vlan 4096", "4096", "no VLAN id: 0 to 4095"),  # tcpdump: VLAN tag 4096 greater than maximum 4095
        ("vlan 12,4090-5000", "4090-5000", "no VLAN id"),
        ("host example.com", "example.com", "names are not looked up"),
        ("host 10.0.0.256", "10.0.0.256", "no address"),
        ("10.0.0.0/33", "10.0.0.0/33", "address"),
        ("flags syn tcp", "tcp", "expected and, or"),
        ("flags syn,akc", "syn,akc", "did you mean ack?"),
        ("state opne", "opne", "syn"),
        ("src bps > 3", "src", "not counted by direction"),
        ("age > 5x", "5x", "like 10s, 5m"),
        ("bps > fast", "fast", "rate"),
        ("packets > 3 or 5", "5", "packets 5, or port 5"),
        ("host > 10.0.0.1", "10.0.0.1", "neither less nor greater"),
        ("tcp)", ")", "no parenthesis is open"),
        ("tcp & udp", "&", "write &&"),
        ("tcp udp", "udp", "and, or"),
        ("and tcp", "and", "an address, port"),
        ("net 10.0.0.0 mask 255.0.255.0", "255.0.255.0", "no IPv4 network"),
        ("port 80,,443", " ", "beside this comma"),
    ],
)
def test_the_word_at_fault(text: str, fault: str, said: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(text)
    found = text[error.value.start : error.value.end]
    assert found == fault or (fault == " " and text[error.value.start - 1] == ",")
    assert said in str(error.value)
    assert not error.value.incomplete


@pytest.mark.parametrize(
    "text", ["proto", "tcp and", "tcp and ", "(tcp", "(tcp or", "not", "src", "port", "packets >", "tcp and po", "htt"]
)
def test_what_may_become_right_is_no_fault_yet(text: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(text)
    assert error.value.incomplete
    assert error.value.end >= len(text.rstrip())


def test_hostile_text_is_refused_in_time() -> None:
    for text in ("(" * 3000, "not " * 900, "tcp or " * 2000, "(" * 39 + "tcp", "port " + ",".join(["1"] * 1900)):
        with pytest.raises(FilterError):
            compile_filter(text)
    assert compile_filter("!" * 3990 + "tcp")
    assert compile_filter(" or ".join(["tcp"] * 500))


def test_an_empty_filter_is_none() -> None:
    assert compile_filter("") is None
    assert compile_filter("  ") is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("tcp or udp and port 80", "(tcp or udp) and port 80"),
        ("a and b", None),
        ("tcp and port (80 or 443) or udp", "(tcp and port (80 or 443)) or udp"),
        ("not (tcp and vlan or udp)", "not ((tcp and vlan) or udp)"),
        ("src or dst port 80 and tcp", None),
        ("tcp || ip6 && not udp", "(tcp or ip6) and not udp"),
    ],
)
def test_how_a_mixture_is_read(text: str, read: str | None) -> None:
    assert grouping(text) == read


@pytest.mark.parametrize("one", [*FLOWS.values(), flow("gre 10.0.0.1:0 > 10.0.0.2:0", vlan=12)])
def test_the_expression_of_a_flow_is_for_it_alone(one: Flow) -> None:
    text = flow_expression(one)
    assert passes(text, one)
    others = [
        replace(one, vlan=one.vlan + 1),
        replace(one, protocol=132),
        replace(one, source="2001:db8::99" if one.ip_version == 6 else "10.0.0.99"),
        replace(one, destination="2001:db8::99" if one.ip_version == 6 else "10.0.0.99"),
    ]
    if one.protocol != 47:
        others.append(replace(one, destination_port=one.destination_port + 1))
    assert not [other for other in others if passes(text, other)]


def test_each_example_of_the_help_is_an_expression() -> None:
    for example, about in help_entries():
        if example != ">=":
            assert compile_filter(example), example
        assert about
    assert len({name for word in WORDS for name in word.names}) == sum(len(word.names) for word in WORDS)


def test_the_readme_has_the_same_table() -> None:
    table = "".join(f"| `{example}` | {about} |\n" for example, about in help_entries())
    assert table in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


# ---- Any expression: a tree that is drawn and judged here, from leaves whose truth is plain arithmetic.

LEAVES = {
    "tcp": lambda one: one.protocol == 6,
    "udp": lambda one: one.protocol == 17,
    "ip6": lambda one: one.ip_version == 6,
    "dst port 443": lambda one: one.protocol in (6, 17) and one.destination_port == 443,
    "src net 10.0.0.0/8": lambda one: one.source.startswith("10."),
    "packets > 3": lambda one: one.forward.packets + one.reverse.packets > 3,
    "vlan 12": lambda one: one.vlan == 12,
}
TREES = st.recursive(
    st.sampled_from(sorted(LEAVES)),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.lists(st.tuples(st.sampled_from(["and", "or"]), inner), min_size=2, max_size=5),
    ),
    max_leaves=25,
)


def written(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if isinstance(tree, tuple):
        return f"not {inside(tree[1])}"
    return " ".join(f"{joint} {inside(inner)}" if at else inside(inner) for at, (joint, inner) in enumerate(tree))


def inside(tree: Any) -> str:
    return f"({written(tree)})" if isinstance(tree, list) else written(tree)


def truth(tree: Any, one: Flow) -> bool:
    if isinstance(tree, str):
        return LEAVES[tree](one)
    if isinstance(tree, tuple):
        return not truth(tree[1], one)
    value = truth(tree[0][1], one)
    for joint, inner in tree[1:]:
        value = (value and truth(inner, one)) if joint == "and" else (value or truth(inner, one))
    return value


@given(TREES, st.sampled_from(sorted(FLOWS)), st.sampled_from([0, 12]), st.integers(0, 6))
def test_any_tree_means_what_it_says(tree: Any, name: str, vlan: int, packets: int) -> None:
    one = replace(FLOWS[name], vlan=vlan, **sides({"packets": packets}, {}))
    assert passes(written(tree), one) is truth(tree, one)


@given(TREES)
def test_the_reader_takes_every_program(tree: Any) -> None:
    program = native_program(written(tree))
    assert lib.filter_refusal(program, len(program)) == ffi.NULL


PIECES = [
    "tcp",
    "port",
    "80",
    "443",
    "and",
    "or",
    "not",
    "(",
    ")",
    "!",
    "&&",
    ">",
    "10.0.0.1",
    "src",
    "host",
    "flags",
    "syn",
    "packets",
    "5m",
    ",",
    "-",
    "/",
    "vlan",
    "&",
    "\x00",
    "é",
    "::",
    "mask",
    "net",
    "10/8",
    "=",
]


def fault(text: str) -> FilterError | None:
    """Compile ``text``, and show how it is read: the mistake in it, if there is one; any other exception is ours."""
    try:
        compile_filter(text)
    except FilterError as error:
        return error
    if text.strip():
        grouping(text)
    return None


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]))
def test_any_words_are_an_expression_or_a_fault_in_them(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    error = fault(text)
    assert error is None or (0 <= error.start < error.end <= len(text) + 2 and str(error))


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_fault_in_it(text: str) -> None:
    error = fault(text)
    assert error is None or 0 <= error.start <= len(text) + 1
