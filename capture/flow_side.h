/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow seen from its initiator: half a record by who sent it, and the ports as they were sent. A record keeps its
 * directions by end of the key; what leaves xtop, as text or as IPFIX, has them by sender.
 */
#ifndef XTOP_FLOW_SIDE_H
#define XTOP_FLOW_SIDE_H

#include <stdint.h>

#include "capture/flow_abi.h"

enum { FLOW_ICMP = 1, FLOW_TCP = 6, FLOW_ICMPV6 = 58 };

/* A direction without packets says nothing at all: all is 0. */
struct flow_side {
    const struct xtop_direction *counts;
    uint64_t first_seen; /* ns */
    uint64_t last_seen;
    uint64_t tcp_options;
    uint32_t ipv4_options;    /* 0 where the flow is IPv6 */
    uint32_t ipv6_extensions; /* 0 where the flow is IPv4 */
    uint32_t retransmissions;
    uint32_t out_of_order;
    uint32_t zero_windows;
};

/* What end `end` of the key sent; `counts` points into the record. */
static inline struct flow_side flow_side_of(const struct xtop_record *record, uint32_t end)
{
    static const struct xtop_direction silent;
    const struct xtop_direction *counts = &record->direction[end];

    if (counts->packets == 0)
        return (struct flow_side){.counts = &silent};
    return (struct flow_side){
        .counts = counts,
        .first_seen = record->first_seen[end],
        .last_seen = record->last_seen[end],
        .tcp_options = record->tcp_options[end],
        .ipv4_options = record->key.ip_version == 4 ? record->ipv4_options[end] : 0,
        .ipv6_extensions = record->key.ip_version == 6 ? record->ipv6_extensions[end] : 0,
        .retransmissions = record->retransmissions[end],
        .out_of_order = counts->out_of_order,
        .zero_windows = counts->zero_windows,
    };
}

/* Of what end `from` sent. Of ICMP, type * 256 + code; a lone echo reply is keyed as its request, and has its own type. */
static inline uint32_t flow_destination_port(const struct xtop_key *key, uint32_t from)
{
    uint32_t answered = key->port[from];

    if (answered && key->protocol == FLOW_ICMP)
        return answered & 0xff;
    if (answered && key->protocol == FLOW_ICMPV6)
        return 129 << 8 | (answered & 0xff);
    return key->port[!from];
}

/* Of what end `from` sent; 0 of ICMP. */
static inline uint32_t flow_source_port(const struct xtop_key *key, uint32_t from)
{
    return key->protocol == FLOW_ICMP || key->protocol == FLOW_ICMPV6 ? 0 : key->port[from];
}

#endif
