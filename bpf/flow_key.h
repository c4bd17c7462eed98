/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow key, and the bits that a record keeps of headers: the parser of capture/ and that of the BPF programs fill
 * the same. Both compilers read it, so it includes nothing but <stdint.h>.
 *
 * The text between the two `cdef` marks is read by cffi as it stands.
 */
#ifndef XTOP_FLOW_KEY_H
#define XTOP_FLOW_KEY_H

#include <stdint.h>

/* cdef begin */
/* xtop_direction.ip_flags */
#define XTOP_IP_DONT_FRAGMENT 1
#define XTOP_IP_MORE_FRAGMENTS 2
#define XTOP_IP_RESERVED 4
#define XTOP_IP_FRAGMENT 8 /* a fragment of any kind, IPv6 too */
#define XTOP_IP_EGRESS 16  /* of no header: the direction's first packet left this host, where the source knows */

/* xtop_direction.ipv6_extensions, one bit a header seen */
#define XTOP_EXT_HOP_BY_HOP 1
#define XTOP_EXT_ROUTING 2
#define XTOP_EXT_FRAGMENT 4
#define XTOP_EXT_DESTINATION 8
#define XTOP_EXT_AUTHENTICATION 16
#define XTOP_EXT_ESP 32
#define XTOP_EXT_MOBILITY 64
#define XTOP_EXT_HIP 128
#define XTOP_EXT_SHIM6 256
#define XTOP_EXT_NO_NEXT 512

/*
 * The flow key, 40 bytes hashed as they stand (MurmurHash3 x86_32). Canonical order: the end with the smaller
 * (address, port), compared as bytes in network order, is end 0, so both directions have one key. IPv4 addresses are
 * in the first 4 bytes, the rest is zero. Ports in host order. For ICMP an echo reply is keyed as its request.
 */
struct xtop_key {
    uint8_t address[2][16]; /* network order */
    uint16_t port[2];       /* host order; ICMP: 0 for the sender, type * 256 + code for the receiver */
    uint16_t vlan;          /* outermost VLAN id, 0 = none */
    uint8_t protocol;       /* IP protocol number of the transport header */
    uint8_t ip_version;     /* 4 or 6 */
};
/* cdef end */

#endif
