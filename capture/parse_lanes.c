/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/parse_lanes.h"

#ifdef __x86_64__
#include "bpf/packet_headers.h"
#include "capture/lanes_avx2.h"
#include "capture/parse_fast.h"

/* Bytes behind the begin of IP that are read of every frame: its header and what of TCP's says which options follow. */
#define READ_BEHIND 44

#define UNTAGGED 14
#define TAGGED 18

/* Of IP and UDP: what is shorter is not plain. */
#define SHORTEST 28

/* Room for a short frame's bytes and zeros behind them, where those are read of every frame. */
#define SHORT_ROOM 64

_Static_assert(TAGGED + READ_BEHIND <= SHORT_ROOM, "all that is read of a frame finds room");

/* Words of eight frames' headers, in network order, and what is known of the frames. */
struct headers {
    const uint8_t *ip[PARSE_LANES];
    uint8_t padded[PARSE_LANES][SHORT_ROOM]; /* frames that end before all was read: bare acknowledgements, short UDP */
    __m256i captured;                        /* bytes from the begin of IP on */
    __m256i wire;                            /* the same, as on the wire */
    __m256i length;                          /* of the frame, on the wire */
    __m256i before;                          /* the four bytes before IP: of a tag its id, then the EtherType */
    __m256i word[7];                         /* IP's five, ports, TCP's sequence number */
};

/* Two words of each packet: what is read of the headers, for the next step. */
struct fields {
    __m256i plain; /* all ones: the lane is as plain as this file wants it */
    __m256i total; /* bytes of the IP packet */
    __m256i headers;
    __m256i size_bin;
    __m256i vlan;
    __m256i protocol;
    __m256i from; /* all ones: the source is end 1 of the key */
    __m256i tcp;  /* all ones: TCP. Else what follows is 0. */
    __m256i tcp_flags;
    __m256i tcp_sequence;
    __m256i opens; /* 1 or 0 */
    __m256i stamped;
};

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
 * their sender sees them, without the link's padding. One that is too short for anything becomes zeros. Two copies of
 * fixed size, one up to each end, take no call.
 */
static __attribute__((noinline)) void frames_pad(const struct frame *frame, uint32_t at, uint32_t enough,
                                                 struct headers *headers)
{
    for (uint32_t i = 0; i < PARSE_LANES; i++) {
        uint8_t *room = headers->padded[i];

        if (enough >> i & 1)
            continue;
        headers->ip[i] = room + at;
        memset(room, 0, SHORT_ROOM);
        if (frame[i].captured < at + SHORTEST)
            continue;
        memcpy(room, frame[i].data, 32);
        memcpy(&room[frame[i].captured - 32], &frame[i].data[frame[i].captured - 32], 32);
    }
}

/* Lengths, and where IP begins if its header is where `at` says. */
AVX2 void load_frames(const struct frame *frame, uint32_t at, struct headers *headers)
{
    __m256i begin = _mm256_set1_epi32((int)at);
    __m256i row[4], captured;
    uint32_t enough;

    for (int i = 0; i < 4; i++)
        row[i] = lanes_load(&frame[i], &frame[i + 4]);
    lanes_transpose(row);
    captured = row[2];
    headers->length = row[3];
    headers->captured = _mm256_sub_epi32(captured, begin);
    headers->wire = _mm256_sub_epi32(headers->length, begin);
    enough = lanes_bits(is_more(captured, _mm256_add_epi32(begin, lanes_all(READ_BEHIND - 1))));
    for (uint32_t i = 0; i < PARSE_LANES; i++)
        headers->ip[i] = frame[i].data + at;
    if (enough != (1u << PARSE_LANES) - 1)
        frames_pad(frame, at, enough, headers);
}

AVX2 void load_words(struct headers *headers)
{
    __m256i row[4];

    for (int i = 0; i < 4; i++)
        row[i] = lanes_load(headers->ip[i] - 4, headers->ip[i + 4] - 4);
    lanes_transpose(row);
    headers->before = row[0];
    headers->word[0] = row[1];
    headers->word[1] = row[2];
    headers->word[2] = row[3];
    for (int i = 0; i < 4; i++)
        row[i] = lanes_load(headers->ip[i] + 12, headers->ip[i + 4] + 12);
    lanes_transpose(row);
    for (int i = 0; i < 4; i++)
        headers->word[i + 3] = row[i];
}

/* The four bytes `at` bytes from the begin of IP. */
AVX2 __m256i load_word(const struct headers *headers, ptrdiff_t at)
{
    uint32_t word[PARSE_LANES];

    for (int i = 0; i < PARSE_LANES; i++)
        memcpy(&word[i], headers->ip[i] + at, sizeof word[i]);
    return _mm256_setr_epi32((int)word[0], (int)word[1], (int)word[2], (int)word[3], (int)word[4], (int)word[5],
                             (int)word[6], (int)word[7]);
}

/* ---- What the headers say ------------------------------------------------------------------------------------ */

AVX2 void read_link(const struct headers *headers, uint32_t at, struct fields *fields)
{
    fields->plain =
        and(matches(headers->before, 0xffff0000, ETHERTYPE_IPV4 >> 8 << 16), is_more(lanes_all(1519), headers->length));
    fields->vlan = _mm256_setzero_si256();
    if (at == UNTAGGED)
        return;
    fields->plain = and(fields->plain, matches(load_word(headers, -6), 0xffff, ETHERTYPE_VLAN >> 8));
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

AVX2 void read_ip(const struct headers *headers, struct fields *fields)
{
    const __m256i *word = headers->word;
    __m256i plain = and(matches(word[0], 0xff, 0x45), matches(word[1], 0xffbf0000, 0)); /* no fragment */

    fields->total = pick(word[0], 3, 2, -1, -1);
    plain = and(plain, is_more(fields->total, lanes_all(27)));
    plain = _mm256_andnot_si256(is_more(fields->total, headers->wire), plain);
    fields->plain = and(fields->plain, plain);
    fields->protocol = pick(word[2], 1, -1, -1, -1);
    fields->tcp = matches(fields->protocol, 0xff, PROTOCOL_TCP);
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

AVX2 void read_udp(const struct headers *headers, struct fields *fields)
{
    __m256i plain = and(matches(fields->protocol, 0xff, PROTOCOL_UDP), no_tunnel(headers->word[5]));

    fields->plain = and(fields->plain, or (plain, fields->tcp));
    fields->headers = lanes_all(28);
    fields->tcp_flags = _mm256_setzero_si256();
    fields->tcp_sequence = _mm256_setzero_si256();
    fields->opens = _mm256_setzero_si256();
    fields->stamped = _mm256_setzero_si256();
}

/* Which options come behind TCP's 20 bytes, of lanes that are TCP: none or time stamps alone, or the lane is not plain. */
AVX2 void read_tcp_options(const struct headers *headers, __m256i turn, struct fields *fields)
{
    __m256i left = _mm256_sub_epi32(_mm256_min_epi32(headers->captured, fields->total), lanes_all(20));
    __m256i size = and(_mm256_srli_epi32(turn, 2), lanes_all(0x3c));
    __m256i bare = and(_mm256_cmpeq_epi32(size, lanes_all(20)), is_more(left, lanes_all(19)));
    __m256i stamped = and(_mm256_cmpeq_epi32(size, lanes_all(32)), is_more(left, lanes_all(31)));

    stamped = and(stamped, _mm256_cmpeq_epi32(load_word(headers, 40), lanes_all(__builtin_bswap32(0x0101080a))));
    fields->plain = _mm256_andnot_si256(_mm256_andnot_si256(or (bare, stamped), fields->tcp), fields->plain);
    fields->headers = choose(fields->headers, _mm256_add_epi32(size, lanes_all(20)), fields->tcp);
    fields->stamped = and(stamped, fields->tcp);
}

/* Of lanes that are TCP. */
AVX2 void read_tcp(const struct headers *headers, struct fields *fields)
{
    __m256i turn = load_word(headers, 32); /* length and flags, window */
    __m256i shut = and(matches(turn, 0xffff0000, 0), fields->tcp);

    read_tcp_options(headers, turn, fields);
    fields->plain = _mm256_andnot_si256(shut, fields->plain);
    fields->tcp_flags = and(and(pick(turn, 1, 0, -1, -1), lanes_all(0x1ff)), fields->tcp);
    fields->tcp_sequence = and(swap32(headers->word[6]), fields->tcp);
    fields->opens = _mm256_srli_epi32(and(matches(fields->tcp_flags, 0x12, 0x02), fields->tcp), 31);
}

/* Which end of the key has sent: the greater (address, port) is end 1. */
AVX2 void read_order(const struct headers *headers, struct fields *fields)
{
    const __m256i sign = lanes_all(UINT32_C(1) << 31); /* AVX2 compares signed numbers alone */
    __m256i source = _mm256_xor_si256(swap32(headers->word[3]), sign);
    __m256i destination = _mm256_xor_si256(swap32(headers->word[4]), sign);
    __m256i port = is_more(pick(headers->word[5], 1, 0, -1, -1), pick(headers->word[5], 3, 2, -1, -1));

    fields->from = or (is_more(source, destination), and(_mm256_cmpeq_epi32(source, destination), port));
}

/* ---- Out ----------------------------------------------------------------------------------------------------- */

AVX2 void *packet_at(struct packet *first, size_t stride, int lane, size_t offset)
{
    return (uint8_t *)first + (size_t)lane * stride + offset;
}

/* Four words of each packet. */
AVX2 void store_words(struct packet *first, size_t stride, size_t offset, __m256i word0, __m256i word1, __m256i word2,
                      __m256i word3)
{
    __m256i row[4] = {word0, word1, word2, word3};

    lanes_transpose(row);
    for (int i = 0; i < 4; i++)
        lanes_store(packet_at(first, stride, i, offset), packet_at(first, stride, i + 4, offset), row[i]);
}

/* The two addresses and the zeros behind each, 32 bytes, in one store: so hash.c loads them. */
AVX2 void store_address(struct packet *first, size_t stride, int lane, __m256i row)
{
    row = _mm256_blend_epi32(_mm256_setzero_si256(), row, 0x11);
    _mm256_storeu_si256((__m256i *)packet_at(first, stride, lane, offsetof(struct packet, key.address)), row);
}

AVX2 void store_addresses(struct packet *first, size_t stride, const struct headers *headers, __m256i from)
{
    __m256i end0 = choose(headers->word[3], headers->word[4], from);
    __m256i end1 = choose(headers->word[4], headers->word[3], from);
    __m256i row[2] = {_mm256_permute2x128_si256(end0, end1, 0x20), _mm256_permute2x128_si256(end0, end1, 0x31)};

    for (int i = 0; i < 2; i++) {
        store_address(first, stride, 4 * i, row[i]);
        store_address(first, stride, 4 * i + 1, _mm256_srli_si256(row[i], 4));
        store_address(first, stride, 4 * i + 2, _mm256_srli_si256(row[i], 8));
        store_address(first, stride, 4 * i + 3, _mm256_srli_si256(row[i], 12));
    }
}

/* From ports to what the sender's flow state needs. */
AVX2 void store_head(struct packet *first, size_t stride, const struct headers *headers, const struct fields *fields)
{
    __m256i ports = choose(pick(headers->word[5], 1, 0, 3, 2), swap32(headers->word[5]), fields->from);
    __m256i last = or (or (fields->vlan, _mm256_slli_epi32(fields->protocol, 16)), lanes_all(UINT32_C(4) << 24));
    __m256i dscp = and(_mm256_slli_epi32(headers->word[0], 6), lanes_all(0x3f0000));
    __m256i kept = and(_mm256_slli_epi32(headers->word[1], 2), lanes_all(XTOP_IP_DONT_FRAGMENT << 24));
    __m256i direction = _mm256_srli_epi32(fields->from, 31);
    __m256i ttl = _mm256_slli_epi32(and(headers->word[2], lanes_all(0xff)), 8);
    __m256i turn = or (_mm256_slli_epi32(fields->opens, 8), and(fields->tcp, lanes_all(1 << 16)));

    store_words(first, stride, offsetof(struct packet, key.port), ports, last,
                or (or (direction, ttl), or (dscp, kept)), _mm256_slli_epi32(fields->tcp_flags, 16));
    store_words(first, stride, offsetof(struct packet, unusual), or (turn, _mm256_slli_epi32(fields->size_bin, 24)),
                fields->total, _mm256_sub_epi32(fields->total, fields->headers), fields->tcp_sequence);
}

/* packet_add_up of parse.h. */
AVX2 void store_sum(struct packet *first, size_t stride, uint32_t at, const struct headers *headers,
                    const struct fields *fields)
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
    __m256i dscp = and(_mm256_srli_epi32(headers->word[0], 10), lanes_all(63));
    __m256i kept = and(_mm256_srli_epi32(headers->word[1], 22), lanes_all(XTOP_IP_DONT_FRAGMENT));
    __m256i flags = or (fields->tcp_flags, or (_mm256_slli_epi32(kept, XTOP_SLOT_DONT_FRAGMENT_AT),
                                               _mm256_slli_epi32(dscp, XTOP_SLOT_DSCP_AT)));

    store_words(first, stride, offsetof(struct packet, pending), bin, sums, or (allows, _mm256_slli_epi32(flags, 16)),
                _mm256_set1_epi32((int)at));
    store_words(first, stride, offsetof(struct packet, tcp_options), and(fields->stamped, lanes_all(XTOP_TCP_STAMPED)),
                zero, zero, zero);
    store_words(first, stride, offsetof(struct packet, fragment), zero, zero, zero, zero);
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

/* Frames of a link are tagged or they are not: the first one tells where IP is looked for in all. */
__attribute__((target("avx2"))) static uint32_t parse_avx2(const struct frame *frame, struct packet *first,
                                                           size_t stride)
{
    bool tagged = frame->captured >= UNTAGGED && parse_fast_16(frame->data + 12) == ETHERTYPE_VLAN;
    uint32_t at = tagged ? TAGGED : UNTAGGED;
    struct headers headers;
    struct fields fields;

    load_frames(frame, at, &headers);
    load_words(&headers);
    read_link(&headers, at, &fields);
    read_size(&headers, &fields);
    read_ip(&headers, &fields);
    read_udp(&headers, &fields);
    if (lanes_bits(fields.tcp))
        read_tcp(&headers, &fields);
    read_order(&headers, &fields);
    store_addresses(first, stride, &headers, fields.from);
    store_head(first, stride, &headers, &fields);
    store_sum(first, stride, at, &headers, &fields);
    return lanes_bits(fields.plain);
}
#endif

uint32_t parse_lanes(const struct frame *frame, struct packet *first, size_t stride)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return parse_avx2(frame, first, stride);
#endif
    (void)frame;
    (void)first;
    (void)stride;
    return 0;
}
