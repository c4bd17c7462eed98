/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short way for what nearly every packet is: Ethernet, at most one 802.1Q tag, IPv4 without options that is no
 * fragment or IPv6 without extension headers, TCP (with no options or with time stamps alone) or UDP (to no port that
 * a tunnel uses). It fills *packet exactly as parse_frame does and says so, or says nothing and leaves *packet
 * undefined: then parse_frame has to look. tests/native/test_parse.c holds the two against each other.
 *
 * Frames of more than 1,518 bytes are few a second: parse_frame looks at them as well.
 */
#ifndef XTOP_PARSE_FAST_H
#define XTOP_PARSE_FAST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bpf/packet_headers.h"
#include "capture/parse.h"

/* Ports to or from which a UDP packet may carry another: parse_frame looks. */
#define PARSE_TUNNEL_PORTS PORT_GTPU, PORT_TEREDO, PORT_VXLAN, PORT_VXLAN_GPE, PORT_GENEVE, PORT_MPLS, PORT_VXLAN_LINUX

/* Most ports are outside the range that the first comparison tells. */
static inline bool parse_fast_tunnel_port(uint32_t port)
{
    static const uint16_t tunnel[] = {PARSE_TUNNEL_PORTS};

    if (port - PORT_GTPU > PORT_VXLAN_LINUX - PORT_GTPU)
        return false;
    for (size_t i = 0; i < sizeof tunnel / sizeof *tunnel; i++)
        if (port == tunnel[i])
            return true;
    return false;
}

static inline uint16_t parse_fast_16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t parse_fast_32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t parse_fast_64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

/* What is common to both: packet->bytes is known, `header` bytes come before the payload in all. */
static inline void parse_fast_finish(struct packet *packet, uint32_t header)
{
    packet->payload_bytes = packet->bytes - header;
    packet_add_up(packet, header,
                  packet->opens | (packet->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST)));
}

static inline bool parse_fast_tcp(const uint8_t *at, uint32_t left, uint32_t ip_header, struct packet *packet)
{
    uint32_t header = left < 20 ? 0 : (at[12] >> 4) * 4u;

    if (header == 0 || parse_fast_16(at + 14) == 0)
        return false;
    if (header == 32 && left >= 32 && parse_fast_32(at + 20) == 0x0101080a)
        packet->tcp_options = XTOP_TCP_STAMPED;
    else if (header != 20)
        return false;
    packet->tcp_flags = parse_fast_16(at + 12) & 0x1ff;
    packet->tcp_sequence = parse_fast_32(at + 4);
    packet->tcp_seen = 1;
    packet->opens = (packet->tcp_flags & 0x12) == 0x02;
    parse_fast_finish(packet, ip_header + header);
    return true;
}

/*
 * The header of TCP or UDP at `at`, 8 bytes at least, of which `left` bytes are there (captured, and of the packet). Of
 * `packet` all is known but what this header says; its ports and its direction are.
 */
static inline bool parse_fast_transport(const uint8_t *at, uint32_t left, uint32_t ip_header, struct packet *packet)
{
    if (packet->key.protocol == PROTOCOL_TCP)
        return parse_fast_tcp(at, left, ip_header, packet);
    if (packet->key.protocol != PROTOCOL_UDP || parse_fast_tunnel_port(packet->key.port[0]) ||
        parse_fast_tunnel_port(packet->key.port[1]))
        return false;
    parse_fast_finish(packet, ip_header + 8);
    return true;
}

/* Eight bytes as they lie: byte n of the frame is bits 8 n .. 8 n + 7. */
static inline uint64_t parse_fast_raw(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* The end (address, port) of greater value: with `from` that of the source. */
static inline void parse_fast_ends4(struct packet *packet, uint64_t source, uint64_t destination)
{
    bool from = source > destination;
    uint64_t smaller = from ? destination : source;
    uint64_t greater = from ? source : destination;
    uint32_t address[2] = {__builtin_bswap32((uint32_t)(smaller >> 32)), __builtin_bswap32((uint32_t)(greater >> 32))};

    packet->direction = from;
    memcpy(packet->key.address[0], &address[0], 4);
    memcpy(packet->key.address[1], &address[1], 4);
    packet->key.port[0] = (uint16_t)(smaller >> 16);
    packet->key.port[1] = (uint16_t)(greater >> 16);
}

static inline bool parse_fast_ipv4(const uint8_t *ip, uint32_t left, uint32_t wire, struct packet *packet)
{
    /* Version, header length; fragment offset and flags but DF, which must be 0. */
    const uint64_t plain = UINT64_C(0xffbf0000000000ff);
    uint64_t head = parse_fast_raw(ip), middle = parse_fast_raw(ip + 8), tail = parse_fast_raw(ip + 16);
    uint32_t total = __builtin_bswap16((uint16_t)(head >> 16));

    if ((head & plain) != 0x45 || total > wire || total < 28)
        return false;
    packet->bytes = total;
    packet->ip_flags = head >> 54 & XTOP_IP_DONT_FRAGMENT;
    packet->dscp = head >> 10 & 63;
    packet->ttl = (uint8_t)middle;
    packet->key.protocol = (uint8_t)(middle >> 8);
    packet->key.ip_version = 4;
    parse_fast_ends4(packet, __builtin_bswap64(middle >> 32 | (tail >> 32 & 0xffff) << 32),
                     __builtin_bswap64((uint32_t)tail | tail >> 48 << 32));
    return parse_fast_transport(ip + 20, (left < total ? left : total) - 20, 20, packet);
}

/* Whether (address, port) of the source is the greater. */
static inline bool parse_fast_order6(const uint8_t *source, const uint8_t *destination, uint16_t from, uint16_t to)
{
    uint64_t high[2] = {parse_fast_64(source), parse_fast_64(destination)};
    uint64_t low[2] = {parse_fast_64(source + 8), parse_fast_64(destination + 8)};

    if (high[0] != high[1])
        return high[0] > high[1];
    if (low[0] != low[1])
        return low[0] > low[1];
    return from > to;
}

static inline bool parse_fast_ipv6(const uint8_t *ip, uint32_t left, uint32_t wire, struct packet *packet)
{
    uint32_t payload = parse_fast_16(ip + 4);
    uint32_t source_port, destination_port;
    bool from;

    if (ip[0] >> 4 != 6 || payload + 40 > wire || payload < 8 || left < 48)
        return false;
    source_port = parse_fast_16(ip + 40);
    destination_port = parse_fast_16(ip + 42);
    from = parse_fast_order6(ip + 8, ip + 24, (uint16_t)source_port, (uint16_t)destination_port);
    packet->bytes = payload + 40;
    packet->dscp = (uint8_t)(parse_fast_16(ip) >> 6 & 63);
    packet->ttl = ip[7];
    packet->direction = from;
    packet->key.protocol = ip[6];
    packet->key.ip_version = 6;
    memcpy(packet->key.address[from], ip + 8, 16);
    memcpy(packet->key.address[!from], ip + 24, 16);
    packet->key.port[from] = (uint16_t)source_port;
    packet->key.port[!from] = (uint16_t)destination_port;
    return parse_fast_transport(ip + 40, (left < payload + 40 ? left : payload + 40) - 40, 40, packet);
}

/* memset, for which gcc would take an instruction that needs longer to begin than this to end. */
static inline void parse_fast_clear(struct packet *packet)
{
    typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));
    pair *at = (pair *)packet;

    _Static_assert(sizeof *packet % sizeof *at == 0, "a packet must be whole pairs of words");
    for (size_t i = 0; i < sizeof *packet / sizeof *at; i++)
        at[i] = (pair){0};
}

/* Arguments as of parse_frame, the link being LINK_ETHERNET. True: *packet is filled, and the result is PARSE_FLOW. */
static inline bool parse_fast(const uint8_t *data, uint32_t captured, uint32_t length, struct packet *packet)
{
    uint32_t at = 14;
    uint16_t type;

    if (captured < 46 || length > 1518) /* one tag, IPv4, UDP; IPv6 looks again */
        return false;
    parse_fast_clear(packet);
    packet->size_bin = (uint8_t)parse_size_bin(length);
    type = parse_fast_16(data + 12);
    if (type == ETHERTYPE_VLAN) {
        packet->key.vlan = parse_fast_16(data + 14) & 0xfff;
        type = parse_fast_16(data + 16);
        at = 18;
    }
    packet->ip_at = (uint16_t)at;
    if (type == ETHERTYPE_IPV4)
        return parse_fast_ipv4(data + at, captured - at, length - at, packet);
    return type == ETHERTYPE_IPV6 && parse_fast_ipv6(data + at, captured - at, length - at, packet);
}

#endif
