/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eight frames of IPv4 at once. Only parse_lanes.c includes this.
 */
#ifndef XTOP_PARSE_LANES_IPV4_H
#define XTOP_PARSE_LANES_IPV4_H

#include "capture/parse_lanes_avx2.h"

/* Bytes behind the begin of IP that are read of every frame: its header and what of TCP's says which options follow. */
#define IPV4_READ 44

#define IPV4_HEADER 20

/* Of IPv4 and UDP: what is shorter is not plain. */
#define IPV4_SHORTEST 28

_Static_assert(TAGGED + IPV4_READ <= SHORT_ROOM, "all that is read of a frame finds room");

/* Its header's words, in network order. */
struct ipv4_words {
    __m256i word[5];
};

AVX2 void ipv4_load(struct headers *headers, struct ipv4_words *ip)
{
    __m256i row[4];

    load_words(headers, -4, row);
    headers->before = row[0];
    ip->word[0] = row[1];
    ip->word[1] = row[2];
    ip->word[2] = row[3];
    load_words(headers, 12, row);
    ip->word[3] = row[0];
    ip->word[4] = row[1];
    headers->ports = row[2];
    headers->tcp_sequence = row[3];
}

AVX2 void ipv4_read(const struct headers *headers, const struct ipv4_words *ip, struct fields *fields)
{
    const __m256i *word = ip->word;
    __m256i plain = and(matches(word[0], 0xff, 0x45), matches(word[1], 0xffbf0000, 0)); /* no fragment */

    fields->total = pick(word[0], 3, 2, -1, -1);
    plain = and(plain, is_more(fields->total, lanes_all(IPV4_SHORTEST - 1)));
    plain = _mm256_andnot_si256(is_more(fields->total, headers->wire), plain);
    fields->plain = and(fields->plain, plain);
    fields->protocol = pick(word[2], 1, -1, -1, -1);
    fields->version = lanes_all(UINT32_C(4) << 24);
    fields->dscp = and(_mm256_srli_epi32(word[0], 10), lanes_all(63));
    fields->kept = and(_mm256_srli_epi32(word[1], 22), lanes_all(XTOP_IP_DONT_FRAGMENT));
    fields->ttl = and(word[2], lanes_all(0xff));
}

/* Which end of the key has sent: the greater (address, port) is end 1. */
AVX2 void ipv4_order(const struct headers *headers, const struct ipv4_words *ip, struct fields *fields)
{
    __m256i source = to_compare(ip->word[3]), destination = to_compare(ip->word[4]);
    __m256i alike = _mm256_cmpeq_epi32(source, destination);

    fields->from = or (is_more(source, destination), and(alike, port_is_more(headers->ports)));
}

/* The two addresses and the zeros behind each, 32 bytes, in one store: so hash.c loads them. */
AVX2 void ipv4_store_address(const struct places *to, int lane, __m256i row)
{
    row = _mm256_blend_epi32(_mm256_setzero_si256(), row, 0x11);
    _mm256_storeu_si256((__m256i *)packet_at(to, lane, offsetof(struct packet, key.address)), row);
}

AVX2 void ipv4_store_addresses(const struct places *to, const struct ipv4_words *ip, __m256i from)
{
    __m256i end0 = choose(ip->word[3], ip->word[4], from);
    __m256i end1 = choose(ip->word[4], ip->word[3], from);
    __m256i row[2] = {_mm256_permute2x128_si256(end0, end1, 0x20), _mm256_permute2x128_si256(end0, end1, 0x31)};

    for (int i = 0; i < 2; i++) {
        ipv4_store_address(to, 4 * i, row[i]);
        ipv4_store_address(to, 4 * i + 1, _mm256_srli_si256(row[i], 4));
        ipv4_store_address(to, 4 * i + 2, _mm256_srli_si256(row[i], 8));
        ipv4_store_address(to, 4 * i + 3, _mm256_srli_si256(row[i], 12));
    }
}

/* Frames whose IP header is where `at` says; bit i of the result: packet i is filled. */
AVX2 uint32_t ipv4_parse(const struct frame *frame, uint32_t at, const struct places *to)
{
    struct headers headers;
    struct ipv4_words ip;
    struct fields fields;

    load_frames(frame, at, &headers);
    frames_reach(frame, at, IPV4_SHORTEST, lanes_all(IPV4_READ - 1), &headers);
    ipv4_load(&headers, &ip);
    read_link(&headers, at, lanes_type(ETHERTYPE_IPV4), &fields);
    read_size(&headers, &fields);
    ipv4_read(&headers, &ip, &fields);
    read_udp(&headers, lanes_all(IPV4_HEADER + 8), &fields);
    if (lanes_bits(fields.tcp)) {
        __m256i turn = load_word(&headers, IPV4_HEADER + 12);

        read_tcp_options(&headers, lanes_all(IPV4_HEADER), turn, load_word(&headers, IPV4_HEADER + 20), &fields);
        read_tcp(&headers, turn, &fields);
    }
    ipv4_order(&headers, &ip, &fields);
    ipv4_store_addresses(to, &ip, fields.from);
    return store_rest(to, at, &headers, &fields);
}

#endif
