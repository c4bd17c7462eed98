/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What parsing eight frames at once is made of, whatever their version of IP: headers' words in, packets' words out
 * (parse_lanes.h). Only parse_lanes.c includes this, by way of parse_lanes_ipv4.h and parse_lanes_ipv6.h.
 */
#ifndef XTOP_PARSE_LANES_AVX2_H
#define XTOP_PARSE_LANES_AVX2_H

#include <stddef.h>
#include <string.h>

#include "bpf/packet_headers.h"
#include "capture/lanes_avx2.h"
#include "capture/parse_fast.h"
#include "capture/parse_lanes.h"

#define UNTAGGED 14
#define TAGGED 18

/* Room for a short frame's bytes and zeros behind them, where those are read of every frame. */
#define SHORT_ROOM 96

/* Words of eight frames' headers, in network order, and what is known of the frames. */
struct headers {
    const uint8_t *ip[PARSE_LANES];
    uint8_t padded[PARSE_LANES][SHORT_ROOM]; /* frames that end before all was read: bare acknowledgements, short UDP */
    __m256i captured;                        /* bytes from the begin of IP on */
    __m256i wire;                            /* the same, as on the wire */
    __m256i length;                          /* of the frame, on the wire */
    __m256i before;                          /* the four bytes before IP: of a tag its id, then the EtherType */
    __m256i ports;
    __m256i tcp_sequence; /* or whatever stands there */
};

/* Words of each packet: what is read of the headers, for the next step. */
struct fields {
    __m256i plain; /* all ones: the lane is as plain as this file wants it */
    __m256i total; /* bytes of the IP packet */
    __m256i headers;
    __m256i size_bin;
    __m256i vlan;
    __m256i protocol;
    __m256i version; /* of IP */
    __m256i dscp;
    __m256i kept; /* XTOP_IP_DONT_FRAGMENT or 0 */
    __m256i ttl;
    __m256i from; /* all ones: the source is end 1 of the key */
    __m256i tcp;  /* all ones: TCP. Else what follows is 0. */
    __m256i tcp_flags;
    __m256i tcp_sequence;
    __m256i opens; /* 1 or 0 */
    __m256i stamped;
};

/* Where packets go: `stride` bytes apart. */
struct places {
    struct packet *first;
    size_t stride;
};

AVX2 void *packet_at(const struct places *to, int lane, size_t offset)
{
    return (uint8_t *)to->first + (size_t)lane * to->stride + offset;
}

/* The lowest byte of each lane picks, then the next; -1 = zero. */
AVX2 __m256i pick(__m256i word, int byte0, int byte1, int byte2, int byte3)
{
    const uint32_t absent = 0x80;
    uint32_t one = (byte0 < 0 ? absent : (uint32_t)byte0) | (byte1 < 0 ? absent : (uint32_t)byte1) << 8 |
                   (byte2 < 0 ? absent : (uint32_t)byte2) << 16 | (byte3 < 0 ? absent : (uint32_t)byte3) << 24;
    const __m256i lane =
        _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c);

    return _mm256_shuffle_epi8(word, _mm256_add_epi32(lane, _mm256_set1_epi32((int)one)));
}

AVX2 __m256i swap32(__m256i word)
{
    return pick(word, 3, 2, 1, 0);
}

AVX2 __m256i and (__m256i left, __m256i right)
{
    return _mm256_and_si256(left, right);
}

AVX2 __m256i or (__m256i left, __m256i right)
{
    return _mm256_or_si256(left, right);
}

/* The bits of `word` under `mask` are `value`. */
#define matches(word, mask, value) _mm256_cmpeq_epi32(and(word, lanes_all(mask)), lanes_all(value))

/* Signed: what is compared here are lengths of frames and numbers of 16 bits. */
AVX2 __m256i is_more(__m256i left, __m256i right)
{
    return _mm256_cmpgt_epi32(left, right);
}

AVX2 __m256i choose(__m256i no, __m256i yes, __m256i mask)
{
    return _mm256_blendv_epi8(no, yes, mask);
}

/* ---- In ------------------------------------------------------------------------------------------------------ */

/*
 * The lanes that `enough` leaves out: frames that end before the last byte that is read, as acknowledgements do where
 * their sender sees them, without the link's padding. One that is shorter than `shortest` is too short for anything and
 * becomes zeros. Copies of fixed size, one up to each end, take no call.
 */
static __attribute__((noinline)) void frames_pad(const struct frame *frame, uint32_t at, uint32_t shortest,
                                                 uint32_t enough, struct headers *headers)
{
    for (uint32_t i = 0; i < PARSE_LANES; i++) {
        uint8_t *room = headers->padded[i];

        if (enough >> i & 1)
            continue;
        headers->ip[i] = room + at;
        memset(room, 0, SHORT_ROOM);
        if (frame[i].captured < at + shortest)
            continue;
        memcpy(room, frame[i].data, 32);
        if (frame[i].captured >= 64)
            memcpy(room + 32, frame[i].data + 32, 32);
        memcpy(&room[frame[i].captured - 32], &frame[i].data[frame[i].captured - 32], 32);
    }
}

/* Sees to it that more bytes than `last` says may be read of every frame, from the begin of IP on. */
AVX2 void frames_reach(const struct frame *frame, uint32_t at, uint32_t shortest, __m256i last, struct headers *headers)
{
    uint32_t enough = lanes_bits(is_more(headers->captured, last));

    if (enough != PARSE_LANES_ALL)
        frames_pad(frame, at, shortest, enough, headers);
}

/* Lengths, and where IP begins if its header is where `at` says. */
AVX2 void load_frames(const struct frame *frame, uint32_t at, struct headers *headers)
{
    __m256i begin = _mm256_set1_epi32((int)at);
    __m256i row[4];

    for (int i = 0; i < 4; i++)
        row[i] = lanes_load(&frame[i], &frame[i + 4]);
    lanes_transpose(row);
    headers->length = row[3];
    headers->captured = _mm256_sub_epi32(row[2], begin);
    headers->wire = _mm256_sub_epi32(headers->length, begin);
    for (uint32_t i = 0; i < PARSE_LANES; i++)
        headers->ip[i] = frame[i].data + at;
}

/* The four words `at` bytes from the begin of IP. */
AVX2 void load_words(const struct headers *headers, ptrdiff_t at, __m256i word[4])
{
    for (int i = 0; i < 4; i++)
        word[i] = lanes_load(headers->ip[i] + at, headers->ip[i + 4] + at);
    lanes_transpose(word);
}

/* One of them. */
AVX2 __m256i load_word(const struct headers *headers, ptrdiff_t at)
{
    uint32_t word[PARSE_LANES];

    for (int i = 0; i < PARSE_LANES; i++)
        memcpy(&word[i], headers->ip[i] + at, sizeof word[i]);
    return _mm256_setr_epi32((int)word[0], (int)word[1], (int)word[2], (int)word[3], (int)word[4], (int)word[5],
                             (int)word[6], (int)word[7]);
}

/* ---- What the headers say ------------------------------------------------------------------------------------ */

/* An EtherType as the upper half of `before` has it, in every lane. */
#define lanes_type(type) lanes_all((uint32_t)__builtin_bswap16(type) << 16)

/* The lanes whose EtherType is `type`, as lanes_type says it, behind a tag where `at` says so. */
AVX2 __m256i of_type(const struct headers *headers, uint32_t at, __m256i type)
{
    __m256i is = _mm256_cmpeq_epi32(and(headers->before, lanes_all(0xffff0000)), type);

    return at == UNTAGGED ? is : and(is, matches(load_word(headers, -6), 0xffff, ETHERTYPE_VLAN >> 8));
}

AVX2 void read_link(const struct headers *headers, uint32_t at, __m256i type, struct fields *fields)
{
    fields->plain = and(of_type(headers, at, type), is_more(lanes_all(1519), headers->length));
    fields->vlan = _mm256_setzero_si256();
    if (at == TAGGED)
        fields->vlan = and(pick(headers->before, 1, 0, -1, -1), lanes_all(0xfff));
}

AVX2 void read_size(const struct headers *headers, struct fields *fields)
{
    __m256i bin = _mm256_setzero_si256();

    bin = _mm256_sub_epi32(bin, is_more(headers->length, lanes_all(64)));
    bin = _mm256_sub_epi32(bin, is_more(headers->length, lanes_all(128)));
    bin = _mm256_sub_epi32(bin, is_more(headers->length, lanes_all(256)));
    bin = _mm256_sub_epi32(bin, is_more(headers->length, lanes_all(512)));
    fields->size_bin = _mm256_sub_epi32(bin, is_more(headers->length, lanes_all(1024)));
}

/* The lanes that have `port` in one of their halves; in the other may be anything. */
#define has_port(ports, port) \
    _mm256_cmpeq_epi16(ports, lanes_all(__builtin_bswap16(port) | (uint32_t)__builtin_bswap16(port) << 16))

/* Lanes with neither port a tunnel's: PARSE_TUNNEL_PORTS. */
AVX2 __m256i no_tunnel(__m256i ports)
{
    __m256i any = or (has_port(ports, PORT_GTPU), has_port(ports, PORT_TEREDO));

    any = or (any, or (has_port(ports, PORT_VXLAN), has_port(ports, PORT_VXLAN_GPE)));
    any = or (any, or (has_port(ports, PORT_GENEVE), has_port(ports, PORT_VXLAN_LINUX)));
    any = or (any, has_port(ports, PORT_MPLS));
    return _mm256_cmpeq_epi32(any, _mm256_setzero_si256());
}

/* What all have that are UDP or TCP; the others are not plain. `sizes`: bytes of headers where it is UDP. */
AVX2 void read_udp(const struct headers *headers, __m256i sizes, struct fields *fields)
{
    __m256i plain = and(matches(fields->protocol, 0xff, PROTOCOL_UDP), no_tunnel(headers->ports));

    fields->tcp = matches(fields->protocol, 0xff, PROTOCOL_TCP);
    fields->plain = and(fields->plain, or (plain, fields->tcp));
    fields->headers = sizes;
    fields->tcp_flags = _mm256_setzero_si256();
    fields->tcp_sequence = _mm256_setzero_si256();
    fields->opens = _mm256_setzero_si256();
    fields->stamped = _mm256_setzero_si256();
}

/*
 * Which options come behind TCP's 20 bytes, of lanes that are TCP: none or time stamps alone, or the lane is not plain.
 * `behind` the IP header's bytes; `option` the first word of what comes.
 */
AVX2 void read_tcp_options(const struct headers *headers, __m256i behind, __m256i turn, __m256i option,
                           struct fields *fields)
{
    __m256i left = _mm256_sub_epi32(_mm256_min_epi32(headers->captured, fields->total), behind);
    __m256i size = and(_mm256_srli_epi32(turn, 2), lanes_all(0x3c));
    __m256i bare = and(_mm256_cmpeq_epi32(size, lanes_all(20)), is_more(left, lanes_all(19)));
    __m256i stamped = and(_mm256_cmpeq_epi32(size, lanes_all(32)), is_more(left, lanes_all(31)));

    stamped = and(stamped, _mm256_cmpeq_epi32(option, lanes_all(__builtin_bswap32(0x0101080a))));
    fields->plain = _mm256_andnot_si256(_mm256_andnot_si256(or (bare, stamped), fields->tcp), fields->plain);
    fields->headers = choose(fields->headers, _mm256_add_epi32(size, behind), fields->tcp);
    fields->stamped = and(stamped, fields->tcp);
}

/* Of lanes that are TCP; `turn`: length and flags, window. */
AVX2 void read_tcp(const struct headers *headers, __m256i turn, struct fields *fields)
{
    __m256i shut = and(matches(turn, 0xffff0000, 0), fields->tcp);

    fields->plain = _mm256_andnot_si256(shut, fields->plain);
    fields->tcp_flags = and(and(pick(turn, 1, 0, -1, -1), lanes_all(0x1ff)), fields->tcp);
    fields->tcp_sequence = and(swap32(headers->tcp_sequence), fields->tcp);
    fields->opens = _mm256_srli_epi32(and(matches(fields->tcp_flags, 0x12, 0x02), fields->tcp), 31);
}

/* As AVX2 compares them, which knows signed numbers alone. */
AVX2 __m256i to_compare(__m256i word)
{
    return _mm256_xor_si256(swap32(word), lanes_all(UINT32_C(1) << 31));
}

/* Lanes whose source port is the greater. */
AVX2 __m256i port_is_more(__m256i ports)
{
    return is_more(pick(ports, 1, 0, -1, -1), pick(ports, 3, 2, -1, -1));
}

/* ---- Out ----------------------------------------------------------------------------------------------------- */

/* Four words of each packet. */
AVX2 void store_words(const struct places *to, size_t offset, __m256i word0, __m256i word1, __m256i word2,
                      __m256i word3)
{
    __m256i row[4] = {word0, word1, word2, word3};

    lanes_transpose(row);
    for (int i = 0; i < 4; i++)
        lanes_store(packet_at(to, i, offset), packet_at(to, i + 4, offset), row[i]);
}

/* From ports to what the sender's flow state needs. */
AVX2 void store_head(const struct places *to, const struct headers *headers, const struct fields *fields)
{
    __m256i ports = choose(pick(headers->ports, 1, 0, 3, 2), swap32(headers->ports), fields->from);
    __m256i last = or (or (fields->vlan, _mm256_slli_epi32(fields->protocol, 16)), fields->version);
    __m256i direction = or (_mm256_srli_epi32(fields->from, 31), _mm256_slli_epi32(fields->ttl, 8));
    __m256i sent = or (_mm256_slli_epi32(fields->dscp, 16), _mm256_slli_epi32(fields->kept, 24));
    __m256i turn = or (_mm256_slli_epi32(fields->opens, 8), and(fields->tcp, lanes_all(1 << 16)));

    store_words(to, offsetof(struct packet, key.port), ports, last, or (direction, sent),
                _mm256_slli_epi32(fields->tcp_flags, 16));
    store_words(to, offsetof(struct packet, unusual), or (turn, _mm256_slli_epi32(fields->size_bin, 24)), fields->total,
                _mm256_sub_epi32(fields->total, fields->headers), fields->tcp_sequence);
}

/* packet_add_up of parse.h. */
AVX2 void store_sum(const struct places *to, uint32_t at, const struct fields *fields)
{
    /* A byte a bin: where in `pending` it begins. The first is 0, so the three bytes above a bin's number pick none. */
    const __m256i bin_at = _mm256_set1_epi64x((long long)PARSE_PENDING_BIN_AT);
    __m256i zero = _mm256_setzero_si256();
    __m256i bin = _mm256_sllv_epi32(lanes_all(1), _mm256_shuffle_epi8(bin_at, fields->size_bin));
    __m256i sums = or (_mm256_slli_epi32(fields->total, XTOP_PENDING_BYTES_AT - 32),
                       _mm256_slli_epi32(fields->headers, XTOP_PENDING_HEADERS_AT - 32));
    __m256i plain = _mm256_add_epi32(lanes_all(XTOP_SLOT_PLAIN(0)), and(fields->from, lanes_all(XTOP_SLOT_PLAIN(0))));
    __m256i needs = or (plain, and(_mm256_slli_epi32(plain, 2), fields->stamped));
    __m256i ends = and(fields->tcp_flags, lanes_all(PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST));
    __m256i usual = _mm256_cmpeq_epi32(or (ends, fields->opens), zero);
    __m256i allows = and(_mm256_andnot_si256(needs, lanes_all(0xff)), usual);
    __m256i flags = or (fields->tcp_flags, or (_mm256_slli_epi32(fields->kept, XTOP_SLOT_DONT_FRAGMENT_AT),
                                               _mm256_slli_epi32(fields->dscp, XTOP_SLOT_DSCP_AT)));

    store_words(to, offsetof(struct packet, pending), bin, sums, or (allows, _mm256_slli_epi32(flags, 16)),
                _mm256_set1_epi32((int)at));
    store_words(to, offsetof(struct packet, tcp_options), and(fields->stamped, lanes_all(XTOP_TCP_STAMPED)), zero, zero,
                zero);
    store_words(to, offsetof(struct packet, fragment), zero, zero, zero, zero);
}

/* All of each packet but its addresses. Bit i of the result: packet i is filled. */
AVX2 uint32_t store_rest(const struct places *to, uint32_t at, const struct headers *headers,
                         const struct fields *fields)
{
    store_head(to, headers, fields);
    store_sum(to, at, fields);
    return lanes_bits(fields->plain);
}

#define AT(field, at) _Static_assert(offsetof(struct packet, field) == (at), "stored by words")

AT(key.address, 0);
AT(key.port, 32);
AT(key.vlan, 36);
AT(key.protocol, 38);
AT(key.ip_version, 39);
AT(direction, 40);
AT(ttl, 41);
AT(dscp, 42);
AT(ip_flags, 43);
AT(ipv6_extensions, 44);
AT(tcp_flags, 46);
AT(unusual, 48);
AT(opens, 49);
AT(tcp_seen, 50);
AT(size_bin, 51);
AT(bytes, 52);
AT(payload_bytes, 56);
AT(tcp_sequence, 60);
AT(pending, 64);
AT(allows, 72);
AT(flags, 74);
AT(ip_at, 76);
AT(tunnel, 78);
AT(fragment_count, 79);
AT(tcp_options, 80);
AT(ipv4_options, 88);
AT(tunnel_id, 92);
AT(fragment, 96);
_Static_assert(sizeof(struct packet) == 112, "stored by words");
_Static_assert(offsetof(struct frame, captured) == 8 && offsetof(struct frame, length) == 12, "loaded by words");

#endif
