/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/demo_frames.h"

#include <arpa/inet.h>
#include <string.h>

#include "capture/demo_random.h"

enum { ETHERNET_SIZE = 14, VLAN_SIZE = 4, IPV4_SIZE = 20, IPV6_SIZE = 40, TCP_SIZE = 20, UDP_SIZE = 8, ICMP_SIZE = 8 };

enum { TCP_SYN_OPTIONS = 20, TCP_STAMP_OPTIONS = 12 };

#define FRAME_MIN 60u /* Ethernet's 64 without FCS */
#define ARP_SIZE 28
#define DONT_FRAGMENT 0x4000
#define TCP_WINDOW 502

static inline void put16(uint8_t *at, uint16_t value)
{
    value = htons(value);
    memcpy(at, &value, sizeof value);
}

static inline void put32(uint8_t *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof value);
}

/* Sum of `size` bytes, a multiple of 4. One's complement sums do not mind byte order (RFC 1071 section 2). */
static inline uint64_t sum_words(const uint8_t *at, uint32_t size)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < size; i += 4) {
        uint32_t word;

        memcpy(&word, at + i, sizeof word);
        sum += word;
    }
    return sum;
}

/* Puts the checksum where it belongs, as it lies in the host's order already. */
static inline void put_checksum(uint8_t *at, uint64_t sum)
{
    uint16_t checksum;

    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    checksum = (uint16_t)~sum;
    memcpy(at, &checksum, sizeof checksum);
}

void demo_frames_fill(struct demo_buffer *buffer, uint32_t count, struct demo_sums *sums, uint64_t seed)
{
    uint8_t *payload = buffer[0].payload;

    memset(buffer[0].headers, 0, sizeof buffer[0].headers);
    for (uint32_t i = 0; i < DEMO_PAYLOAD_MAX; i += 8) {
        uint64_t random = demo_random(&seed);

        memcpy(payload + i, &random, sizeof random);
    }
    for (uint32_t i = 1; i < count; i++)
        buffer[i] = buffer[0];
    sums->payload[0] = 0;
    for (uint32_t i = 0; i < DEMO_PAYLOAD_MAX; i++) {
        const uint8_t pair[2] = {i & 1 ? 0 : payload[i], i & 1 ? payload[i] : 0};
        uint16_t word;

        memcpy(&word, pair, sizeof word);
        sums->payload[i + 1] = sums->payload[i] + word;
    }
}

void demo_path_sum(struct demo_path *path)
{
    uint64_t sum = sum_words(path->address[0], sizeof path->address);

    path->address_sum = (uint32_t)((sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32));
}

static uint32_t ip_size(const struct demo_path *path)
{
    return path->ip_version == 4 ? IPV4_SIZE : IPV6_SIZE;
}

uint16_t demo_payload_most(const struct demo_path *path)
{
    uint32_t headers = ip_size(path);

    if (path->protocol != DEMO_PROTOCOL_TCP)
        headers += UDP_SIZE;
    else
        headers += TCP_SIZE + (path->tcp_stamps ? TCP_STAMP_OPTIONS : 0);
    return (uint16_t)(DEMO_MTU - headers);
}

static uint32_t transport_size(const struct demo_packet *packet)
{
    if (packet->path->protocol != DEMO_PROTOCOL_TCP)
        return packet->path->protocol == DEMO_PROTOCOL_UDP ? UDP_SIZE : ICMP_SIZE;
    if (packet->tcp_flags & DEMO_SYN)
        return TCP_SIZE + TCP_SYN_OPTIONS;
    return TCP_SIZE + (packet->path->tcp_stamps ? TCP_STAMP_OPTIONS : 0);
}

/* Returns what follows the Ethernet header and its tag. */
static uint8_t *build_ethernet(uint8_t *at, const struct demo_path *path, uint32_t from)
{
    /* Locally administered: two routers, with the clients behind one and the servers behind the other. */
    static const uint8_t router[2][6] = {{0x02, 0, 0, 0, 0, 1}, {0x02, 0, 0, 0, 0, 2}};

    memcpy(at, router[!from], 6);
    memcpy(at + 6, router[from], 6);
    at += 12;
    if (path->vlan) {
        put16(at, 0x8100);
        put16(at + 2, path->vlan);
        at += VLAN_SIZE;
    }
    put16(at, path->ip_version == 4 ? 0x0800 : 0x86dd);
    return at + 2;
}

/* `size` is what follows the IP header, in bytes. */
static void build_ipv4(uint8_t *at, const struct demo_packet *packet, uint32_t size)
{
    const struct demo_path *path = packet->path;

    at[0] = 0x45;
    at[1] = (uint8_t)(path->dscp << 2);
    put16(at + 2, (uint16_t)(IPV4_SIZE + size));
    put16(at + 4, packet->identification);
    put16(at + 6, path->protocol == DEMO_PROTOCOL_ICMP ? 0 : DONT_FRAGMENT);
    at[8] = path->ttl[packet->from];
    at[9] = path->protocol;
    put16(at + 10, 0);
    memcpy(at + 12, path->address[packet->from], 4);
    memcpy(at + 16, path->address[!packet->from], 4);
    put_checksum(at + 10, sum_words(at, IPV4_SIZE));
}

static void build_ipv6(uint8_t *at, const struct demo_packet *packet, uint32_t size)
{
    const struct demo_path *path = packet->path;

    put32(at, UINT32_C(6) << 28 | (uint32_t)path->dscp << 22 | path->port[0]);
    put16(at + 4, (uint16_t)size);
    at[6] = path->protocol;
    at[7] = path->ttl[packet->from];
    memcpy(at + 8, path->address[packet->from], 16);
    memcpy(at + 24, path->address[!packet->from], 16);
}

static void build_tcp_options(uint8_t *at, const struct demo_packet *packet)
{
    const struct demo_path *path = packet->path;

    if (packet->tcp_flags & DEMO_SYN) {
        put32(at, UINT32_C(0x02040000) | (DEMO_MTU - ip_size(path) - TCP_SIZE)); /* MSS */
        put32(at + 4, path->tcp_stamps ? 0x0402080a : 0x01010402);               /* SACK permitted (timestamps) */
        memset(at + 8, 1, 8);
        if (path->tcp_stamps) {
            put32(at + 8, packet->stamp);
            put32(at + 12, packet->echo);
        }
        put32(at + 16, 0x01030307); /* window scale 7 */
    } else if (path->tcp_stamps) {
        put32(at, 0x0101080a);
        put32(at + 4, packet->stamp);
        put32(at + 8, packet->echo);
    }
}

static void build_tcp(uint8_t *at, const struct demo_packet *packet, uint32_t header)
{
    const struct demo_path *path = packet->path;

    put16(at, path->port[packet->from]);
    put16(at + 2, path->port[!packet->from]);
    put32(at + 4, packet->sequence);
    put32(at + 8, packet->acknowledgement);
    at[12] = (uint8_t)(header / 4 << 4);
    at[13] = packet->tcp_flags;
    put16(at + 14, packet->tcp_flags & DEMO_SYN ? 64240 : TCP_WINDOW);
    put32(at + 16, 0);
    build_tcp_options(at + TCP_SIZE, packet);
}

static void build_udp(uint8_t *at, const struct demo_packet *packet)
{
    put16(at, packet->path->port[packet->from]);
    put16(at + 2, packet->path->port[!packet->from]);
    put16(at + 4, (uint16_t)(UDP_SIZE + packet->payload));
    put16(at + 6, 0);
}

static void build_echo(uint8_t *at, const struct demo_packet *packet)
{
    bool v6 = packet->path->protocol == DEMO_PROTOCOL_ICMPV6;

    if (packet->from == 0)
        at[0] = v6 ? 128 : 8;
    else
        at[0] = v6 ? 129 : 0;
    at[1] = 0;
    put16(at + 2, 0);
    put16(at + 4, packet->path->port[0]);
    put16(at + 6, (uint16_t)packet->sequence);
}

/* The transport header of `header` bytes, with its checksum. */
static void build_transport(uint8_t *at, const struct demo_sums *sums, const struct demo_packet *packet,
                            uint32_t header)
{
    const struct demo_path *path = packet->path;
    uint64_t pseudo = path->address_sum + (uint64_t)htons((uint16_t)(header + packet->payload)) + htons(path->protocol);
    uint8_t *checksum = at + 2;

    if (path->protocol == DEMO_PROTOCOL_TCP) {
        build_tcp(at, packet, header);
        checksum = at + 16;
    } else if (path->protocol == DEMO_PROTOCOL_UDP) {
        build_udp(at, packet);
        checksum = at + 6;
    } else {
        build_echo(at, packet);
        if (path->protocol == DEMO_PROTOCOL_ICMP)
            pseudo = 0; /* ICMP's checksum knows of no pseudo header, ICMPv6's does (RFC 4443 section 2.3) */
    }
    put_checksum(checksum, pseudo + sum_words(at, header) + sums->payload[packet->payload]);
    if (path->protocol == DEMO_PROTOCOL_UDP && !checksum[0] && !checksum[1])
        put16(checksum, 0xffff); /* 0 would say that there is none (RFC 768) */
}

uint32_t demo_frame_build(struct demo_buffer *buffer, const struct demo_sums *sums, const struct demo_packet *packet,
                          const uint8_t **data)
{
    const struct demo_path *path = packet->path;
    uint32_t transport = transport_size(packet);
    uint32_t headers = ETHERNET_SIZE + (path->vlan ? VLAN_SIZE : 0) + ip_size(path) + transport;
    uint32_t length = headers + packet->payload;
    uint8_t *frame = (uint8_t *)buffer + DEMO_HEADERS_MAX - headers;
    uint8_t *at;

    if (length < FRAME_MIN && !packet->payload) {
        frame = buffer->headers; /* padding is zeros, and the payload must not be written to */
        memset(frame + headers, 0, FRAME_MIN - headers);
    }
    at = build_ethernet(frame, path, packet->from);
    if (path->ip_version == 4)
        build_ipv4(at, packet, transport + packet->payload);
    else
        build_ipv6(at, packet, transport + packet->payload);
    build_transport(at + ip_size(path), sums, packet, transport);
    *data = frame;
    return length < FRAME_MIN ? FRAME_MIN : length;
}

uint32_t demo_frame_build_arp(struct demo_buffer *buffer, uint8_t host, uint8_t wanted, const uint8_t **data)
{
    static const uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1}; /* Ethernet, IPv4, their sizes, request */
    const uint8_t sender[] = {0x02, 0, 0, 0, 1, host, 10, 0, 0, host};
    const uint8_t target[] = {0, 0, 0, 0, 0, 0, 10, 0, 0, wanted};
    uint8_t *frame = buffer->headers;

    memset(frame, 0, FRAME_MIN);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, sender, 6);
    put16(frame + 12, 0x0806);
    memcpy(frame + ETHERNET_SIZE, request, sizeof request);
    memcpy(frame + ETHERNET_SIZE + 8, sender, sizeof sender);
    memcpy(frame + ETHERNET_SIZE + ARP_SIZE - sizeof target, target, sizeof target);
    *data = frame;
    return FRAME_MIN;
}
