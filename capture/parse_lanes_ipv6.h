/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eight frames of IPv6 without extension headers at once. Only parse_lanes.c includes this.
 */
#ifndef XTOP_PARSE_LANES_IPV6_H
#define XTOP_PARSE_LANES_IPV6_H

#include "capture/parse_lanes_avx2.h"

#define IPV6_HEADER 40

/* Bytes behind the begin of IP that are read of every frame: its header and UDP's, which the shortest frame has. */
#define IPV6_READ 48

/* The same where one is TCP: what of its header says which options follow. */
#define IPV6_READ_TCP 64

_Static_assert(TAGGED + IPV6_READ_TCP <= SHORT_ROOM, "all that is read of a frame finds room");

/* Words of its header, in network order. */
struct ipv6_words {
    __m256i begin;  /* version, traffic class, flow label */
    __m256i length; /* of the payload, then the next header and the hop limit */
    __m256i source[4];
    __m256i destination[4];
};

AVX2 void ipv6_load(struct headers *headers, struct ipv6_words *ip)
{
    __m256i row[4];

    load_words(headers, -4, row);
    headers->before = row[0];
    ip->begin = row[1];
    ip->length = row[2];
    ip->source[0] = row[3];
    load_words(headers, 12, row);
    for (int i = 0; i < 3; i++)
        ip->source[i + 1] = row[i];
    ip->destination[0] = row[3];
    load_words(headers, 28, row);
    for (int i = 0; i < 3; i++)
        ip->destination[i + 1] = row[i];
    headers->ports = row[3];
}

AVX2 void ipv6_read(const struct headers *headers, const struct ipv6_words *ip, struct fields *fields)
{
    __m256i payload = pick(ip->length, 1, 0, -1, -1);
    __m256i plain = and(matches(ip->begin, 0xf0, 0x60), is_more(payload, lanes_all(7)));

    fields->total = _mm256_add_epi32(payload, lanes_all(IPV6_HEADER));
    plain = _mm256_andnot_si256(is_more(fields->total, headers->wire), plain);
    fields->plain = and(fields->plain, plain);
    fields->protocol = pick(ip->length, 2, -1, -1, -1);
    fields->version = lanes_all(UINT32_C(6) << 24);
    fields->dscp = and(_mm256_srli_epi32(pick(ip->begin, 1, 0, -1, -1), 6), lanes_all(63));
    fields->kept = _mm256_setzero_si256();
    fields->ttl = _mm256_srli_epi32(ip->length, 24);
}

/* Which end of the key has sent: the greater (address, port) is end 1. */
AVX2 void ipv6_order(const struct headers *headers, const struct ipv6_words *ip, struct fields *fields)
{
    __m256i more = port_is_more(headers->ports);

    for (int i = 3; i >= 0; i--) {
        __m256i source = to_compare(ip->source[i]), destination = to_compare(ip->destination[i]);

        more = or (is_more(source, destination), and(_mm256_cmpeq_epi32(source, destination), more));
    }
    fields->from = more;
}

/* The two addresses, which lie side by side in the header as in the key, in one store: so hash.c loads them. */
AVX2 void ipv6_store_addresses(const struct places *to, const struct headers *headers, __m256i from)
{
    uint32_t lane[PARSE_LANES];

    _mm256_storeu_si256((__m256i *)(void *)lane, from);
    for (int i = 0; i < PARSE_LANES; i++) {
        __m256i row = _mm256_loadu_si256((const __m256i *)(const void *)(headers->ip[i] + 8));
        __m256i other = _mm256_permute4x64_epi64(row, 0x4e);

        row = choose(row, other, _mm256_set1_epi32((int)lane[i]));
        _mm256_storeu_si256((__m256i *)packet_at(to, i, offsetof(struct packet, key.address)), row);
    }
}

/* Frames whose IP header is where `at` says; bit i of the result: packet i is filled. */
AVX2 uint32_t ipv6_parse(const struct frame *frame, uint32_t at, const struct places *to)
{
    struct headers headers;
    struct ipv6_words ip;
    struct fields fields;
    __m256i tcp[4];

    load_frames(frame, at, &headers);
    frames_reach(frame, at, IPV6_READ, lanes_all(IPV6_READ - 1), &headers);
    ipv6_load(&headers, &ip);
    read_link(&headers, at, lanes_type(ETHERTYPE_IPV6), &fields);
    read_size(&headers, &fields);
    ipv6_read(&headers, &ip, &fields);
    read_udp(&headers, lanes_all(IPV6_HEADER + 8), &fields);
    if (lanes_bits(fields.tcp)) {
        frames_reach(frame, at, IPV6_READ, lanes_all(IPV6_READ_TCP - 1), &headers);
        load_words(&headers, IPV6_HEADER + 4, tcp);
        headers.tcp_sequence = tcp[0];
        read_tcp_options(&headers, lanes_all(IPV6_HEADER), tcp[2], load_word(&headers, IPV6_HEADER + 20), &fields);
        read_tcp(&headers, tcp[2], &fields);
    }
    ipv6_order(&headers, &ip, &fields);
    ipv6_store_addresses(to, &headers, fields.from);
    return store_rest(to, at, &headers, &fields);
}

#endif
