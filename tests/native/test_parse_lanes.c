/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eight frames at once beside one at a time (parse_frame, which test_parse.c holds against the standards): random frames
 * that are plain or just not, each at the end of its own heap block, so that the sanitizer sees a byte read past it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/parse_lanes.h"

#define ROUNDS 40000
#define FRAME_MOST 1700

static uint64_t noise_state = 0x9e3779b97f4a7c15;

static uint32_t noise(uint32_t below)
{
    noise_state ^= noise_state << 13;
    noise_state ^= noise_state >> 7;
    noise_state ^= noise_state << 17;
    return (uint32_t)((noise_state >> 16) % below);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t one_of(const uint32_t *value, uint32_t count)
{
    return value[noise(count)];
}

#define ONE_OF(...) one_of((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Few ports, so that ends are often alike; such that tunnels use among them. */
static void put_ports(uint8_t *at)
{
    for (int end = 0; end < 2; end++)
        put16(at + 2 * end, noise(8) ? ONE_OF(0, 53, 32767, 32768, 65535)
                                     : ONE_OF(2151, 2152, 2153, 3544, 4789, 4790, 6081, 8472, 47123));
}

/* Few addresses, for the same reason. */
static void put_ipv4_ends(uint8_t *ip)
{
    for (int end = 0; end < 2; end++) {
        ip[12 + 4 * end] = (uint8_t)ONE_OF(10, 127, 128, 255);
        ip[13 + 4 * end] = ip[14 + 4 * end] = 0;
        ip[15 + 4 * end] = (uint8_t)noise(3);
    }
}

/* Two that differ in a byte or two, anywhere, or not at all. */
static void put_ipv6_ends(uint8_t *ip)
{
    memcpy(ip + 8, "\x20\x01\x0d\xb8\x7f\xff\xff\xff\x80\0\0\0\0\0\0\x01", 16);
    memcpy(ip + 24, ip + 8, 16);
    for (uint32_t change = noise(3); change > 0; change--)
        ip[8 + noise(32)] = (uint8_t)ONE_OF(0, 1, 127, 128, 255);
}

static void put_tcp(uint8_t *tcp)
{
    bool stamped = noise(2);

    for (int i = 4; i < 12; i++)
        tcp[i] = (uint8_t)noise(256);
    tcp[12] = (uint8_t)((stamped ? 0x80 : 0x50) | noise(2));
    tcp[13] = (uint8_t)(noise(4) ? 0x10 : noise(256));
    put16(tcp + 14, noise(16) ? noise(65536) : 0);
    memcpy(tcp + 20, "\x01\x01\x08\x0a", 4);
}

static void put_ipv4(uint8_t *ip, uint32_t size, uint8_t protocol)
{
    put16(ip - 2, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, noise(4) ? size : 20 + noise(80));
    put16(ip + 6, ONE_OF(0, 0x4000));
    ip[9] = protocol;
    put_ipv4_ends(ip);
}

static void put_ipv6(uint8_t *ip, uint32_t size, uint8_t protocol)
{
    put16(ip - 2, 0x86dd);
    ip[0] = (uint8_t)(0x60 | noise(16));
    put16(ip + 4, noise(4) && size > 40 ? size - 40 : noise(80));
    ip[6] = protocol;
    put_ipv6_ends(ip);
}

/* An Ethernet frame of `size` bytes, most of them plain, in room for 110. */
static void make_frame(uint8_t *data, uint32_t size, bool tagged, bool ipv6)
{
    uint8_t *ip = data + (tagged ? 18 : 14);
    uint8_t *transport = ip + (ipv6 ? 40 : 20);
    uint8_t protocol = (uint8_t)ONE_OF(6, 17);
    uint32_t left = size > (uint32_t)(ip - data) ? size - (uint32_t)(ip - data) : 0;

    for (uint32_t i = 0; i < size || i < 110; i++)
        data[i] = (uint8_t)noise(256);
    if (tagged)
        put16(data + 12, 0x8100);
    if (ipv6)
        put_ipv6(ip, left, protocol);
    else
        put_ipv4(ip, left, protocol);
    put_ports(transport);
    if (protocol == 6)
        put_tcp(transport);
    if (noise(3) == 0) /* something in the headers is otherwise */
        data[12 + noise((uint32_t)(transport - data) + 24)] ^= (uint8_t)(1u << noise(8));
}

static uint32_t frame_size(bool ipv6)
{
    return noise(3) ? 42 + noise(36) + (ipv6 ? 20 : 0)
                    : ONE_OF(14, 31, 41, 42, 45, 46, 54, 57, 58, 59, 60, 61, 62, 64, 65, 128, 129, 512, 513, 1024, 1025,
                             1518, 1519, FRAME_MOST);
}

struct tally {
    uint32_t taken, tcp, ipv6, tagged, snapped, ended_early;
};

static void check_group(const struct frame *frame, bool tagged, struct tally *tally)
{
    struct {
        struct packet packet;
        uint8_t between[48];
    } got[PARSE_LANES];
    uint32_t read;

    memset(got, 0x5a, sizeof got);
    read = parse_lanes(frame, &got[0].packet, sizeof got[0]);
    for (int i = 0; i < PARSE_LANES; i++) {
        struct packet wanted;
        enum parse_result result =
            parse_frame(frame[i].data, frame[i].captured, frame[i].length, LINK_ETHERNET, true, &wanted);

        for (size_t at = 0; at < sizeof got[i].between; at++)
            assert_int_equal(got[i].between[at], 0x5a);
        if (!(read >> i & 1))
            continue;
        assert_int_equal(result, PARSE_FLOW);
        assert_memory_equal(&got[i].packet, &wanted, sizeof wanted);
        tally->taken++;
        tally->tcp += wanted.tcp_seen;
        tally->ipv6 += wanted.key.ip_version == 6;
        tally->tagged += tagged;
        tally->snapped += frame[i].length > frame[i].captured;
        tally->ended_early += frame[i].captured < (wanted.key.ip_version == 6 ? 78 : 58);
    }
}

static void test_lanes_are_one_at_a_time(void **state)
{
    struct tally tally = {0};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        static uint8_t data[FRAME_MOST + 64];
        struct frame frame[PARSE_LANES];
        uint8_t *block[PARSE_LANES];
        bool tagged = noise(2), ipv6 = noise(2);

        for (int i = 0; i < PARSE_LANES; i++) {
            bool other = noise(10) == 0;
            uint32_t size = frame_size(ipv6 ^ other);

            make_frame(data, size, noise(10) ? tagged : !tagged, ipv6 ^ other);
            block[i] = malloc(size);
            assert_non_null(block[i]);
            memcpy(block[i], data, size);
            frame[i] = (struct frame){.data = block[i], .captured = size, .length = size + (noise(4) ? 0 : noise(100))};
        }
        check_group(frame, tagged, &tally);
        for (int i = 0; i < PARSE_LANES; i++)
            free(block[i]);
    }
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2"))
        skip(); /* no lanes: parse_lanes takes nothing, as was just seen */
    assert_true(tally.taken > ROUNDS && tally.tcp > ROUNDS / 4 && tally.tagged > ROUNDS / 4);
    assert_true(tally.ipv6 > ROUNDS / 4 && tally.ipv6 < tally.taken - ROUNDS / 4);
    assert_true(tally.snapped > ROUNDS / 10 && tally.ended_early > ROUNDS / 4);
#else
    assert_int_equal(tally.taken, 0);
#endif
}

/* A frame of `kind`: bit 0, tagged; 1, TCP; 2, with time stamps; 3, it ends where its headers do; 4, IPv6. Returns its size. */
static uint32_t plain_frame(uint32_t kind, uint8_t data[94])
{
    static const uint8_t protocol[] = {17, 6};
    bool tagged = kind & 1, tcp = kind & 2, stamped = kind & 4, ipv6 = kind & 16;
    uint32_t behind = !tcp ? 8 : stamped ? 32 : 20;
    uint8_t *ip = data + (tagged ? 18 : 14);
    uint8_t *transport = ip + (ipv6 ? 40 : 20);

    put16(data + 12, tagged ? 0x8100 : 0x0800);
    put16(ip - 2, ipv6 ? 0x86dd : 0x0800);
    ip[0] = ipv6 ? 0x60 : 0x45;
    put16(ip + (ipv6 ? 4 : 2), ipv6 ? behind : 20 + behind);
    ip[ipv6 ? 6 : 9] = protocol[tcp];
    memcpy(transport - 8, "\x0a\x00\x00\x01\x0a\x00\x00\x02\x03\xe8\x00\x50", 12);
    transport[12] = stamped ? 0x80 : 0x50;
    transport[13] = 0x10;
    transport[14] = 1;
    memcpy(transport + 20, "\x01\x01\x08\x0a", 4);
    return kind & 8 ? (uint32_t)(transport - data) + behind : 94;
}

/* What a link is full of is taken, all of it: this is what the lanes are for. */
static void test_plain_frames_are_taken(void **state)
{
    (void)state;
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2"))
        skip();
    for (uint32_t kind = 0; kind < 32; kind++) {
        struct packet packet[PARSE_LANES];
        struct frame frame[PARSE_LANES];
        uint8_t data[94] = {0};
        uint32_t size = plain_frame(kind, data);

        for (int i = 0; i < PARSE_LANES; i++)
            frame[i] = (struct frame){.data = data, .captured = size, .length = size};
        assert_int_equal(parse_lanes(frame, packet, sizeof packet[0]), 0xff);
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_are_one_at_a_time),
        cmocka_unit_test(test_plain_frames_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
