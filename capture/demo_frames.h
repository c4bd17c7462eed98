/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ethernet frames of the demo, from a few words that say what a packet is.
 *
 *   headers[128]                      payload[1536]
 *   ············│ Ethernet │ IP │ TCP │ the same random bytes for every frame ···
 *               └ the frame starts here
 *
 * Headers are written backwards from the payload, which is filled once and never touched again: a frame costs its
 * headers only, whatever its length, and no byte of an earlier frame shows in a later one. As the payload is always the
 * same, sums over its beginnings are a table, and transport checksums are right at the price of a look-up.
 */
#ifndef XTOP_DEMO_FRAMES_H
#define XTOP_DEMO_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#define DEMO_HEADERS_MAX 128
#define DEMO_PAYLOAD_MAX 1536 /* what a buffer holds; a frame of MTU 1500 has less */
#define DEMO_MTU 1500

enum { DEMO_FIN = 0x01, DEMO_SYN = 0x02, DEMO_RST = 0x04, DEMO_PUSH = 0x08, DEMO_ACK = 0x10 };

enum { DEMO_PROTOCOL_ICMP = 1, DEMO_PROTOCOL_TCP = 6, DEMO_PROTOCOL_UDP = 17, DEMO_PROTOCOL_ICMPV6 = 58 };

struct demo_buffer {
    uint8_t headers[DEMO_HEADERS_MAX];
    uint8_t payload[DEMO_PAYLOAD_MAX];
};

/* Sums of 16-bit words over the first 0, 1, 2 ... bytes of the payload, not folded, in the host's byte order. */
struct demo_sums {
    uint32_t payload[DEMO_PAYLOAD_MAX + 1];
};

/* The two ends of a flow: 0 is the client, 1 the server. Both the same for the flow's whole life. */
struct demo_path {
    uint8_t address[2][16]; /* network order; IPv4 in the first 4 bytes */
    uint32_t address_sum;   /* as in demo_sums, over both addresses */
    uint16_t port[2];       /* ICMP: port[0] is the echo's identifier */
    uint16_t vlan;          /* 0 = no tag */
    uint8_t ip_version;
    uint8_t protocol;
    uint8_t ttl[2]; /* of what each end sends */
    uint8_t dscp;
    bool tcp_stamps; /* RFC 7323 */
};

/* One packet of a path. */
struct demo_packet {
    const struct demo_path *path;
    uint32_t sequence; /* TCP; ICMP echo: its low 16 bits */
    uint32_t acknowledgement;
    uint32_t stamp; /* TCP timestamps, ms: own, and the other end's last */
    uint32_t echo;
    uint16_t payload;        /* bytes behind the transport header, at most demo_payload_most() */
    uint16_t identification; /* IPv4 */
    uint8_t from;            /* the end that sends */
    uint8_t tcp_flags;
};

/* Fills `count` buffers and the sums that belong to them with bytes that follow from `seed`. */
void demo_frames_fill(struct demo_buffer *buffer, uint32_t count, struct demo_sums *sums, uint64_t seed);

/* To be called when the path's addresses are set. */
void demo_path_sum(struct demo_path *path);

/* The longest payload that fits DEMO_MTU, in bytes. */
uint16_t demo_payload_most(const struct demo_path *path);

/* Builds a frame of 60 bytes or more; it starts at *data, inside `buffer`. Returns its length. */
uint32_t demo_frame_build(struct demo_buffer *buffer, const struct demo_sums *sums, const struct demo_packet *packet,
                          const uint8_t **data);

/* The same for an ARP request to everybody (10.0.0.host asks for 10.0.0.wanted). */
uint32_t demo_frame_build_arp(struct demo_buffer *buffer, uint8_t host, uint8_t wanted, const uint8_t **data);

#endif
