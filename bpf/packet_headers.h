/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers of the standards that the parser of capture/ and that of the BPF programs walk by.
 */
#ifndef XTOP_PACKET_HEADERS_H
#define XTOP_PACKET_HEADERS_H

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    ETHERTYPE_QINQ_OLD = 0x9100,
    ETHERTYPE_TRANSPARENT = 0x6558, /* GRE, Geneve: an Ethernet frame */
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_UPSTREAM = 0x8848, /* RFC 5332; once multicast */
    ETHERTYPE_PPPOE = 0x8864,         /* session stage */
    ETHERTYPE_ERSPAN = 0x88be,        /* types I and II */
    ETHERTYPE_ERSPAN_3 = 0x22eb,
    ETHERTYPE_NSH = 0x894f, /* RFC 8300 */
};

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPV4 = 4, /* IPv4 in IP */
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41, /* IPv6 in IP */
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_GRE = 47,
    PROTOCOL_ESP = 50,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_NO_NEXT = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_SCTP = 132,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_UDP_LITE = 136,
    PROTOCOL_MPLS = 137, /* MPLS in IP, RFC 4023 */
    PROTOCOL_HIP = 139,
    PROTOCOL_SHIM6 = 140,
};

enum {
    ICMP_ECHO_REPLY = 0,
    ICMP_ECHO_REQUEST = 8,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
};

enum {
    PORT_GTPU = 2152,
    PORT_TEREDO = 3544,
    PORT_VXLAN = 4789,
    PORT_VXLAN_GPE = 4790,
    PORT_GENEVE = 6081,
    PORT_MPLS = 6635,        /* RFC 7510; with DTLS it is another */
    PORT_VXLAN_LINUX = 8472, /* Linux' default from before the number was assigned; also OTV */
};

/* A chain longer than this is an attack, not a packet; RFC 8200 recommends each header once, destination twice. */
#define EXTENSIONS_MAX 32

#endif
