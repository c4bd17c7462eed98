/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capture/parse.c over again, in the words that the kernel's verifier understands: the same key and the same fields of
 * the same frame (tests/native/test_flow_count.c holds the two against each other). Two things differ. The whole frame
 * is there, never a part of it. And tunnels are not opened: a tunnel is a flow of its outer header.
 *
 * It does not matter which part of a packet lies in pages of its own (packet_read); every
 * loop has a constant bound (kernel 5.3). No helper is younger than kernel 5.3 either.
 */
#ifndef XTOP_PARSE_BPF_H
#define XTOP_PARSE_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "bpf/flow_sum.h"
#include "bpf/ipv6_extensions.h"
#include "bpf/packet_headers.h"

#define ETHERNET_HEADER 14
#define VLAN_DEPTH 8     /* tags walked; deeper is not IP to us */
#define PACKET_HEAD 4096 /* bytes that are looked for in the packet's head */
#define OPTIONS_SIZE 40  /* bytes of options that a header of IPv4 or of TCP has room for */

enum bpf_parse_result { BPF_PARSE_FLOW, BPF_PARSE_NON_IP, BPF_PARSE_MALFORMED };

/* struct packet of capture/parse.h, less what no record of this mode can use. */
struct packet_fields {
    uint64_t tcp_options;
    uint32_t ipv4_options;
    uint32_t bytes;
    uint32_t payload_bytes;
    uint16_t ipv6_extensions;
    uint16_t tcp_flags;
    uint8_t ttl;
    uint8_t dscp;
    uint8_t ip_flags;
    uint8_t length_mismatch;
    uint8_t opens;
    uint8_t tcp_seen;
};

/*
 * A packet on its way through the parser. It lies in a map and not on the stack: of a map's content the verifier
 * assumes nothing, so that ways which differ in what they found are one to it from there on. On the stack it took
 * the verifier 450,000 instructions, here 55,000 (64,000 with parse_plain.bpf.h) of the million that it may.
 */
struct parse_state {
    struct flow_sum_key key;
    uint32_t at;   /* offset from the frame's first byte */
    uint32_t end;  /* of the packet: padding lies behind it */
    uint32_t wire; /* bytes from the IP header to the end of the frame */
    struct packet_fields packet;
    /* The two ends as the packet has them; of IPv4 the first word of each. Network order. */
    uint32_t source[4];
    uint32_t destination[4];
    uint16_t source_port; /* host order */
    uint16_t destination_port;
    uint16_t type;            /* EtherType; 0 = cut */
    uint8_t transport_absent; /* a later fragment: what follows is not a transport header */
    uint8_t next;             /* IPv6: the header that `at` stands on */
    uint32_t option_at;
    uint8_t option[OPTIONS_SIZE + 8];
};

static __always_inline uint16_t load16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static __always_inline uint32_t state_left(const struct parse_state *state)
{
    return state->end - state->at;
}

/*
 * `size` bytes at offset `at`: straight from the packet's head, where headers nearly always are, or by the helper, which
 * finds them in pages, too, and takes 20 ns. `size` is a constant, and 1, 2 or a multiple of 4.
 */
static __always_inline bool packet_read(struct __sk_buff *skb, uint32_t at, void *to, uint32_t size)
{
    const uint8_t *head = (const uint8_t *)(long)skb->data + at;

    if (at > PACKET_HEAD || head + size > (const uint8_t *)(long)skb->data_end)
        return bpf_skb_load_bytes(skb, at, to, size) == 0;
    if (size < 4) {
        __builtin_memcpy(to, head, size);
        return true;
    }
    for (uint32_t i = 0; i < size / 4; i++)
        ((uint32_t *)to)[i] = ((const uint32_t *)head)[i];
    return true;
}

static __always_inline bool state_read(struct __sk_buff *skb, const struct parse_state *state, void *to, uint32_t size)
{
    return state_left(state) >= size && packet_read(skb, state->at, to, size);
}

/* What was found so far is in the map, for compiler and verifier alike. */
#define STAGE_END() asm volatile("" ::: "memory")

/*
 * parse_options() of capture/parse.c over `size` bytes at offset `at`. A function of its own, so that the verifier
 * looks at its loop once and not once for each way that leads here.
 */
__attribute__((noinline)) uint64_t option_bits(struct __sk_buff *skb, struct parse_state *state, uint32_t at,
                                               uint32_t size, uint32_t numbered)
{
    uint64_t seen = 0;
    uint32_t last = size - 1; /* 0xffffffff where there are none */

    /* clang would test a difference, of which the verifier up to Linux 6.12 learns nothing for the size itself. */
    asm volatile("" : "+r"(last));
    if (!state || last >= OPTIONS_SIZE || bpf_skb_load_bytes(skb, at, state->option, last + 1) < 0)
        return 0;
    state->option_at = 0;
    for (int step = 0; step < OPTIONS_SIZE; step++) {
        uint32_t i, number, length;

        STAGE_END();
        i = state->option_at;
        if (i >= size || i >= OPTIONS_SIZE)
            break;
        number = state->option[i];
        length = state->option[i + 1];
        if ((number & numbered) < 64)
            seen |= 1ULL << (number & numbered & 63);
        if (number == 0)
            break;
        if (number == 1)
            length = 1;
        else if (size - i < 2 || length < 2)
            break;
        state->option_at = i + length;
    }
    return seen;
}

/* Passes VLAN tags; the outermost id stays, be it in the frame or (kernel, NIC) taken out of it. */
static __always_inline uint16_t parse_vlan(struct __sk_buff *skb, struct parse_state *state, uint16_t type)
{
    bool outermost = !skb->vlan_present;

    if (!outermost)
        state->key.key.vlan = skb->vlan_tci & 0xfff;
    for (int i = 0; i < VLAN_DEPTH; i++) {
        uint8_t tag[4] __attribute__((aligned(4)));

        if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ && type != ETHERTYPE_QINQ_OLD)
            return type;
        if (!state_read(skb, state, tag, sizeof tag))
            return 0;
        if (outermost)
            state->key.key.vlan = load16(tag) & 0xfff;
        outermost = false;
        type = load16(tag + 2);
        state->at += sizeof tag;
    }
    return type;
}

/* Moves to the network header and returns its EtherType, or 0. A link without a header of its own starts with IP. */
static __always_inline uint16_t parse_link(struct __sk_buff *skb, struct parse_state *state, uint32_t header)
{
    uint8_t type[2];

    if (header == 0) {
        if (!state_read(skb, state, type, 1))
            return 0;
        return type[0] >> 4 == 4 ? ETHERTYPE_IPV4 : type[0] >> 4 == 6 ? ETHERTYPE_IPV6 : 0;
    }
    if (state_left(state) < ETHERNET_HEADER || !packet_read(skb, 12, type, 2))
        return 0;
    state->at = ETHERNET_HEADER;
    return parse_vlan(skb, state, load16(type));
}

static __always_inline void parse_length(struct parse_state *state, uint32_t claimed)
{
    if (claimed == 0)
        claimed = state->wire; /* segmentation offload, or a jumbogram */
    if (claimed > state->wire) {
        claimed = state->wire;
        state->packet.length_mismatch = 1;
    }
    state->packet.bytes = claimed;
    state->end = state->at + claimed;
}

static __always_inline enum bpf_parse_result parse_ipv4(struct __sk_buff *skb, struct parse_state *state)
{
    uint32_t ip[5];
    const uint8_t *byte = (const uint8_t *)ip;
    uint32_t header, total, fragment;

    if (!state_read(skb, state, ip, sizeof ip) || byte[0] >> 4 != 4)
        return BPF_PARSE_MALFORMED;
    header = (byte[0] & 15u) * 4;
    total = load16(byte + 2);
    if (header < 20 || header > state->wire || (total != 0 && total < header))
        return BPF_PARSE_MALFORMED;
    parse_length(state, total);
    if (header > 20)
        state->packet.ipv4_options = (uint32_t)option_bits(skb, state, state->at + 20, header - 20, 31);
    fragment = load16(byte + 6);
    state->packet.ip_flags =
        (uint8_t)((fragment & 0x4000 ? XTOP_IP_DONT_FRAGMENT : 0) | (fragment & 0x2000 ? XTOP_IP_MORE_FRAGMENTS : 0) |
                  (fragment & 0x8000 ? XTOP_IP_RESERVED : 0) | (fragment & 0x3fff ? XTOP_IP_FRAGMENT : 0));
    state->transport_absent = (fragment & 0x1fff) != 0;
    state->packet.dscp = byte[1] >> 2;
    state->packet.ttl = byte[8];
    state->key.key.protocol = byte[9];
    state->key.key.ip_version = 4;
    state->source[0] = ip[3];
    state->destination[0] = ip[4];
    state->packet.payload_bytes = state->packet.bytes - header;
    state->at += header;
    return BPF_PARSE_FLOW;
}

/* Walks from state->next to the transport header; a function of its own for the same reason as option_bits(). */
__attribute__((noinline)) int walk_extensions(struct __sk_buff *skb, struct parse_state *state)
{
    uint8_t header[4] __attribute__((aligned(4))) = {0};

    if (!state)
        return BPF_PARSE_MALFORMED;
    for (int i = 0; i <= EXTENSIONS_MAX; i++) {
        uint32_t length;
        uint8_t next;
        uint16_t bit;

        STAGE_END();
        next = state->next;
        bit = extension_bit(next);
        if (!bit)
            break;
        if (i == EXTENSIONS_MAX || state_left(state) < 8 || !state_read(skb, state, header, sizeof header))
            return BPF_PARSE_MALFORMED;
        length = extension_size(header[1], next);
        if (state_left(state) < length)
            return BPF_PARSE_MALFORMED;
        state->packet.ipv6_extensions |= bit;
        state->at += length;
        state->next = header[0];
        if (next != PROTOCOL_FRAGMENT)
            continue;
        state->packet.ip_flags |= (uint8_t)(XTOP_IP_FRAGMENT | (header[3] & 1 ? XTOP_IP_MORE_FRAGMENTS : 0));
        state->transport_absent = (load16(header + 2) & 0xfff8) != 0;
        if (state->transport_absent)
            break;
    }
    return BPF_PARSE_FLOW;
}

static __always_inline enum bpf_parse_result parse_ipv6(struct __sk_buff *skb, struct parse_state *state)
{
    uint32_t ip[10];
    const uint8_t *byte = (const uint8_t *)ip;
    uint32_t payload;

    if (!state_read(skb, state, ip, sizeof ip) || byte[0] >> 4 != 6)
        return BPF_PARSE_MALFORMED;
    payload = load16(byte + 4);
    parse_length(state, payload ? payload + 40 : 0);
    state->packet.dscp = (uint8_t)(load16(byte) >> 6 & 63);
    state->packet.ttl = byte[7];
    state->key.key.ip_version = 6;
    __builtin_memcpy(state->source, &ip[2], 16);
    __builtin_memcpy(state->destination, &ip[6], 16);
    state->at += 40;
    state->next = byte[6];
    if (extension_bit(state->next) && walk_extensions(skb, state) != BPF_PARSE_FLOW)
        return BPF_PARSE_MALFORMED;
    STAGE_END();
    if (state->next == PROTOCOL_ESP)
        state->packet.ipv6_extensions |= XTOP_EXT_ESP;
    if (state->next == PROTOCOL_NO_NEXT)
        state->packet.ipv6_extensions |= XTOP_EXT_NO_NEXT;
    state->key.key.protocol = state->next;
    state->packet.payload_bytes = state_left(state);
    return BPF_PARSE_FLOW;
}

static __always_inline void parse_ports(struct __sk_buff *skb, struct parse_state *state)
{
    uint8_t port[4] __attribute__((aligned(4)));

    if (!state_read(skb, state, port, sizeof port))
        return;
    state->source_port = load16(port);
    state->destination_port = load16(port + 2);
}

/* Ports, flags and options; returns the header's size as the packet claims it. */
static __always_inline uint32_t parse_tcp(struct __sk_buff *skb, struct parse_state *state)
{
    uint8_t word[4] __attribute__((aligned(4)));
    uint32_t header, left = state_left(state);

    parse_ports(skb, state);
    if (left < 14 || !packet_read(skb, state->at + 12, word, 2))
        return state->packet.payload_bytes; /* no data offset to go by: claim no payload */
    header = (word[0] >> 4) * 4u;
    state->packet.tcp_flags = load16(word) & 0x1ff;
    state->packet.tcp_seen = 1;
    state->packet.opens = (state->packet.tcp_flags & 0x12) == 0x02;
    if (header < 20)
        return state->packet.payload_bytes; /* bogus: nothing that follows is payload for sure */
    if (header > 20 && left > 20)
        state->packet.tcp_options = option_bits(skb, state, state->at + 20, (left < header ? left : header) - 20, 255);
    return header;
}

/* Type and code make the receiver's port; an echo reply takes the place of its request's other end. */
static __always_inline void parse_icmp(struct __sk_buff *skb, struct parse_state *state, bool v6)
{
    uint8_t request = v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
    uint8_t reply = v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
    uint8_t icmp[2];

    if (!state_read(skb, state, icmp, sizeof icmp))
        return;
    if (icmp[0] == reply) {
        state->source_port = (uint16_t)(request << 8 | icmp[1]);
        return;
    }
    state->destination_port = load16(icmp);
    state->packet.opens = icmp[0] == request;
}

static __always_inline void parse_transport(struct __sk_buff *skb, struct parse_state *state, uint8_t protocol)
{
    uint32_t header = 0;

    if (state->transport_absent)
        return;
    if (protocol == PROTOCOL_TCP) {
        header = parse_tcp(skb, state);
    } else if (protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDP_LITE || protocol == PROTOCOL_SCTP) {
        parse_ports(skb, state);
        header = protocol == PROTOCOL_SCTP ? 12 : 8;
    } else if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
        parse_icmp(skb, state, protocol == PROTOCOL_ICMPV6);
        header = 8;
    }
    state->packet.payload_bytes = state->packet.payload_bytes > header ? state->packet.payload_bytes - header : 0;
}

/* True when the source is the greater (address, port), compared in network order: then end 1 of the key sends. */
static __always_inline bool source_is_greater(const struct parse_state *state)
{
    for (int i = 0; i < 4; i++) {
        uint32_t source = __builtin_bswap32(state->source[i]);
        uint32_t destination = __builtin_bswap32(state->destination[i]);

        if (source != destination)
            return source > destination;
    }
    return state->source_port > state->destination_port;
}

/* Fills the key, whose bytes are zero so far but for what the parser knows. Returns the end that sends. */
static __always_inline uint32_t parse_order(struct parse_state *state)
{
    if (source_is_greater(state)) {
        __builtin_memcpy(state->key.key.address[0], state->destination, 16);
        __builtin_memcpy(state->key.key.address[1], state->source, 16);
        state->key.key.port[0] = state->destination_port;
        state->key.key.port[1] = state->source_port;
        return 1;
    }
    __builtin_memcpy(state->key.key.address[0], state->source, 16);
    __builtin_memcpy(state->key.key.address[1], state->destination, 16);
    state->key.key.port[0] = state->source_port;
    state->key.key.port[1] = state->destination_port;
    return 0;
}

/*
 * Reads the frame. state->key (but for its CPU), state->packet and *sender, the end of the key that sends, are whole
 * when the result is a flow. `link_header` is ETHERNET_HEADER, or 0 where packets start with IP.
 */
static __always_inline enum bpf_parse_result parse_skb(struct __sk_buff *skb, uint32_t link_header,
                                                       struct parse_state *state, uint32_t *sender)
{
    enum bpf_parse_result result;

    __builtin_memset(state, 0, offsetof(struct parse_state, option_at));
    state->end = skb->len;
    state->type = parse_link(skb, state, link_header);
    state->wire = state_left(state);
    STAGE_END();
    if (state->type == ETHERTYPE_IPV4)
        result = parse_ipv4(skb, state);
    else if (state->type == ETHERTYPE_IPV6)
        result = parse_ipv6(skb, state);
    else
        return BPF_PARSE_NON_IP;
    if (result != BPF_PARSE_FLOW)
        return result;
    STAGE_END();
    parse_transport(skb, state, state->key.key.protocol);
    STAGE_END();
    *sender = parse_order(state);
    STAGE_END();
    return BPF_PARSE_FLOW;
}

#endif
