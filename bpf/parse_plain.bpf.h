/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way for what nearly every packet is: Ethernet without a tag, IPv4 without options that is no fragment or
 * IPv6 without extension headers, UDP or TCP (with no options or with time stamps alone), all headers in the packet's
 * head. It fills key, packet and sender as parse_skb() does and says so, or says nothing: then parse_skb() has to look.
 * tests/native/test_flow_count.c holds both against capture/parse.c.
 *
 * What it saves is memory: of the state only what a flow is counted by is touched, and no header is copied.
 */
#ifndef XTOP_PARSE_PLAIN_BPF_H
#define XTOP_PARSE_PLAIN_BPF_H

#include "bpf/parse.bpf.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define TCP_HEADER 20
#define STAMPS 0x0101080au                  /* two NOPs, then the option of time stamps */
#define STAMPS_SEEN (1ULL << 1 | 1ULL << 8) /* XTOP_TCP_STAMPED */

static __always_inline uint32_t plain32(const uint8_t *at)
{
    return __builtin_bswap32(*(const uint32_t *)at);
}

static __always_inline uint64_t plain64(const uint8_t *at)
{
    return (uint64_t)plain32(at) << 32 | plain32(at + 4);
}

/*
 * The length of the transport header at `at`, of which `left` bytes are the packet's; 0 = it is not plain. `end` is
 * where the head ends.
 */
static __always_inline uint32_t plain_transport(const uint8_t *at, const uint8_t *end, uint32_t left,
                                                struct parse_state *state)
{
    struct packet_fields *packet = &state->packet;
    uint32_t header;

    if (state->key.key.protocol == PROTOCOL_UDP)
        return left >= UDP_HEADER && at + UDP_HEADER <= end ? UDP_HEADER : 0;
    if (state->key.key.protocol != PROTOCOL_TCP || at + TCP_HEADER > end)
        return 0;
    header = (at[12] >> 4) * 4u;
    if (header > left)
        return 0;
    if (header == 32 && at + TCP_HEADER + 4 <= end && plain32(at + TCP_HEADER) == STAMPS)
        packet->tcp_options = STAMPS_SEEN;
    else if (header != TCP_HEADER)
        return 0;
    packet->tcp_flags = load16(at + 12) & 0x1ff;
    packet->tcp_seen = 1;
    packet->opens = (packet->tcp_flags & 0x12) == 0x02;
    return header;
}

/* The rest of packet and key, whose addresses are there: payload and ports; `sender` is the end of the key that sends. */
static __always_inline bool plain_finish(struct parse_state *state, const uint8_t *at, const uint8_t *end,
                                         uint32_t ip_header, uint32_t sender)
{
    uint32_t left = state->packet.bytes - ip_header;
    uint32_t header = plain_transport(at, end, left, state);

    if (!header || at + 4 > end) /* the latter for the verifier */
        return false;
    state->packet.payload_bytes = left - header;
    state->key.key.port[0] = load16(at + (sender ? 2 : 0));
    state->key.key.port[1] = load16(at + (sender ? 0 : 2));
    return true;
}

static __always_inline bool plain_ipv4(const uint8_t *ip, const uint8_t *end, uint32_t wire, struct parse_state *state,
                                       uint32_t *sender)
{
    uint32_t *address = (uint32_t *)state->key.key.address; /* in the map, where it is aligned */
    uint32_t total, fragment;
    uint64_t source, destination;

    if (ip + IPV4_HEADER + 4 > end || ip[0] != 0x45)
        return false;
    total = load16(ip + 2);
    fragment = load16(ip + 6);
    if (total > wire || total < IPV4_HEADER || fragment & ~0x4000u)
        return false;
    source = (uint64_t)plain32(ip + 12) << 16 | load16(ip + IPV4_HEADER);
    destination = (uint64_t)plain32(ip + 16) << 16 | load16(ip + IPV4_HEADER + 2);
    *sender = source > destination;
    state->packet.bytes = total;
    state->packet.ip_flags = fragment ? XTOP_IP_DONT_FRAGMENT : 0;
    state->packet.dscp = ip[1] >> 2;
    state->packet.ttl = ip[8];
    state->key.key.protocol = ip[9];
    state->key.key.ip_version = 4;
    address[0] = __builtin_bswap32((uint32_t)((*sender ? destination : source) >> 16));
    address[4] = __builtin_bswap32((uint32_t)((*sender ? source : destination) >> 16));
    return plain_finish(state, ip + IPV4_HEADER, end, IPV4_HEADER, *sender);
}

static __always_inline bool plain_ipv6(const uint8_t *ip, const uint8_t *end, uint32_t wire, struct parse_state *state,
                                       uint32_t *sender)
{
    uint64_t *address = (uint64_t *)state->key.key.address;
    uint64_t source[2], destination[2];
    uint32_t payload;

    if (ip + IPV6_HEADER + 4 > end || ip[0] >> 4 != 6)
        return false;
    payload = load16(ip + 4);
    if (!payload || payload + IPV6_HEADER > wire)
        return false;
    source[0] = plain64(ip + 8);
    source[1] = plain64(ip + 16);
    destination[0] = plain64(ip + 24);
    destination[1] = plain64(ip + 32);
    *sender = source[0] != destination[0]   ? source[0] > destination[0]
              : source[1] != destination[1] ? source[1] > destination[1]
                                            : load16(ip + IPV6_HEADER) > load16(ip + IPV6_HEADER + 2);
    state->packet.bytes = payload + IPV6_HEADER;
    state->packet.dscp = (uint8_t)(load16(ip) >> 6 & 63);
    state->packet.ttl = ip[7];
    state->key.key.protocol = ip[6];
    state->key.key.ip_version = 6;
    for (int i = 0; i < 2; i++) {
        address[i] = __builtin_bswap64(*sender ? destination[i] : source[i]);
        address[2 + i] = __builtin_bswap64(*sender ? source[i] : destination[i]);
    }
    return plain_finish(state, ip + IPV6_HEADER, end, IPV6_HEADER, *sender);
}

/* True when the packet is plain; else parse_skb() begins anew. */
static __always_inline bool parse_plain(const struct __sk_buff *skb, uint32_t link_header, struct parse_state *state,
                                        uint32_t *sender)
{
    const uint8_t *head = (const uint8_t *)(long)skb->data;
    const uint8_t *end = (const uint8_t *)(long)skb->data_end;
    const uint8_t *ip = head + ETHERNET_HEADER;
    uint32_t wire = skb->len - ETHERNET_HEADER;
    uint16_t type;

    if (link_header != ETHERNET_HEADER || skb->vlan_present || ip > end)
        return false;
    type = load16(head + 12);
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
        return false;
    __builtin_memset(&state->key, 0, sizeof state->key);
    __builtin_memset(&state->packet, 0, sizeof state->packet);
    return type == ETHERTYPE_IPV4 ? plain_ipv4(ip, end, wire, state, sender) : plain_ipv6(ip, end, wire, state, sender);
}

#endif
