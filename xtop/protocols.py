# SPDX-License-Identifier: BSD-2-Clause
"""Names of IP protocol numbers (IANA's registry), as they are written on the screen and in snapshots."""

from __future__ import annotations

ICMP = 1
ICMPV6 = 58

_NAMES = {
    0: "HOPOPT",
    1: "ICMP",
    2: "IGMP",
    4: "IPv4",
    6: "TCP",
    8: "EGP",
    9: "IGP",
    17: "UDP",
    33: "DCCP",
    41: "IPv6",
    43: "IPv6-Route",
    44: "IPv6-Frag",
    46: "RSVP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    59: "IPv6-NoNxt",
    60: "IPv6-Opts",
    88: "EIGRP",
    89: "OSPF",
    94: "IPIP",
    97: "EtherIP",
    103: "PIM",
    108: "IPComp",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    133: "FC",
    135: "Mobility",
    136: "UDPLite",
    137: "MPLS-in-IP",
    139: "HIP",
    140: "Shim6",
    142: "ROHC",
    143: "Ethernet",
}


def protocol_name(number: int) -> str:
    """Return the name of an IP protocol, or its number as text where it has no name here."""
    return _NAMES.get(number) or str(number)
