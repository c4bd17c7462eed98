# SPDX-License-Identifier: BSD-2-Clause
"""Why two flow meters count a capture otherwise than xtop and tshark do: by program and file.

Each was found by looking at the packets of the differing flows (``tests.comparison.first_differences`` names some).
"""

PADDING = "what the frame holds behind the IP packet (Ethernet padding) counts as IP bytes there"
TWO_TAGS = "it does not read two VLAN tags"
HOP_BY_HOP = "it stops at the hop-by-hop header: ICMPv6 behind it is protocol 0 there"
REASSEMBLED = "it puts fragments together and counts the datagram as one packet, with one header"
AT_THEIR_WORD = "it believes IP lengths that reach beyond the frame; frames with bad headers are left out"
NO_SCTP_PORTS = "it does not read SCTP's ports"

REASONS: dict[tuple[str, str], str] = {
    ("nfpcapd", "anyconnect-vpn.pcap"): HOP_BY_HOP,
    ("nfpcapd", "iphone.pcap"): HOP_BY_HOP,
    ("nfpcapd", "badpackets.pcap"): (
        "all are first fragments whose datagrams never become whole: it waits for the rest and counts none"
    ),
    ("nfpcapd", "dns_fragmented.pcap"): f"{REASSEMBLED}; of IPv6 fragments it makes a flow of protocol 44",
    ("nfpcapd", "fuzz-2006-06-26-2594.pcap"): AT_THEIR_WORD,
    ("nfpcapd", "fuzz-2006-09-29-28586.pcap"): AT_THEIR_WORD,
    ("nfpcapd", "gre.pcapng"): "it gives the protocol that GRE carries (0x9850) as a port",
    ("nfpcapd", "ip_fragmented_garbage.pcap"): REASSEMBLED,
    ("nfpcapd", "sctp.cap"): NO_SCTP_PORTS,
    ("softflowd", "4in4tunnel.pcap"): TWO_TAGS,
    ("softflowd", "anyconnect-vpn.pcap"): PADDING,
    ("softflowd", "capwap_data.pcapng"): TWO_TAGS,
    ("softflowd", "discord_mid_flow.pcap"): TWO_TAGS,
    ("softflowd", "dns.pcap"): TWO_TAGS,
    ("softflowd", "dns_fragmented.pcap"): "later fragments have no ports there: they are flows of their own",
    ("softflowd", "fuzz-2006-06-26-2594.pcap"): f"{PADDING}; headers that contradict themselves are read otherwise",
    ("softflowd", "fuzz-2006-09-29-28586.pcap"): PADDING,
    ("softflowd", "http_origin_different_than_host.pcap"): TWO_TAGS,
    ("softflowd", "ip_fragmented_garbage.pcap"): "later fragments have no ports there: they are one flow of their own",
    ("softflowd", "ipv6_in_gtp.pcap"): TWO_TAGS,
    ("softflowd", "netbios.pcap"): PADDING,
    ("softflowd", "sctp.cap"): NO_SCTP_PORTS,
    ("softflowd", "starcraft_battle.pcap"): PADDING,
    ("softflowd", "syslog.pcap"): f"it does not read PPPoE; {PADDING}",
    ("softflowd", "zoom.pcap"): f"{PADDING}; {TWO_TAGS}",
}
