/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_frame against frame_cases.c, and against itself on every prefix of every frame. A frame always lies at the very
 * end of its own heap block, so that a sanitizer sees the first byte read past `captured`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/parse.h"
#include "capture/parse_fast.h"
#include "frame_cases.h"

#define FRAME_MAX 512

static uint32_t decode(const char *hex, uint8_t *bytes)
{
    uint32_t size = 0;

    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        unsigned int byte;

        assert_true(size < FRAME_MAX);
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        bytes[size++] = (uint8_t)byte;
    }
    assert_int_equal(hex[0], '\0');
    return size;
}

static uint32_t fast_taken; /* frames for which parse_fast spoke */

/* The short way says nothing, or what the long way said. */
static void check_fast(const uint8_t *data, uint32_t captured, uint32_t wire, enum parse_result result,
                       const struct packet *packet)
{
    struct packet fast;

    memset(&fast, 0x5a, sizeof fast);
    if (!parse_fast(data, captured, wire, &fast))
        return;
    fast_taken++;
    assert_int_equal(result, PARSE_FLOW);
    assert_memory_equal(&fast, packet, sizeof fast);
}

/* Parses a copy of `bytes` that ends where its heap block ends; *packet starts as rubbish, so a field left out shows. */
static enum parse_result parse_copy(const uint8_t *bytes, uint32_t captured, uint32_t wire, enum link_type link,
                                    struct packet *packet)
{
    uint8_t *block = malloc(captured ? captured : 1);
    enum parse_result result;

    assert_non_null(block);
    if (captured)
        memcpy(block, bytes, captured);
    memset(packet, 0xa5, sizeof *packet);
    result = parse_frame(captured ? block : block + 1, captured, wire, link, true, packet);
    if (link == LINK_ETHERNET && captured)
        check_fast(block, captured, wire, result, packet);
    free(block);
    return result;
}

#define SAME(field)                                                                                \
    do {                                                                                           \
        if (got->field != wanted->field)                                                           \
            fail_msg("%s: " #field " is %llu, must be %llu", name, (unsigned long long)got->field, \
                     (unsigned long long)wanted->field);                                           \
    } while (0)

static void assert_same_key(const char *name, const struct packet *got, const struct packet *wanted)
{
    SAME(key.ip_version);
    SAME(key.protocol);
    SAME(key.vlan);
    SAME(key.port[0]);
    SAME(key.port[1]);
    if (memcmp(got->key.address, wanted->key.address, sizeof got->key.address) != 0)
        fail_msg("%s: addresses differ", name);
    SAME(direction);
}

static void assert_same_packet(const char *name, const struct packet *got, const struct packet *wanted)
{
    assert_same_key(name, got, wanted);
    SAME(ttl);
    SAME(dscp);
    SAME(ip_flags);
    SAME(ipv6_extensions);
    SAME(bytes);
    SAME(payload_bytes);
    SAME(unusual);
    SAME(tunnel);
    SAME(tunnel_id);
    SAME(fragment_count);
    SAME(opens);
    SAME(size_bin);
    SAME(ipv4_options);
    SAME(tcp_flags);
    SAME(tcp_seen);
    SAME(tcp_options);
    if (wanted->tcp_seen)
        SAME(tcp_sequence);
}

static void assert_invariants(const char *name, const struct packet *packet, uint32_t wire)
{
    const struct xtop_key *key = &packet->key;
    int order = memcmp(key->address[0], key->address[1], 16);

    if (order > 0 || (order == 0 && key->port[0] > key->port[1]))
        fail_msg("%s: the key's ends are out of order", name);
    if (packet->direction > 1)
        fail_msg("%s: direction %u", name, packet->direction);
    if (packet->payload_bytes > packet->bytes || packet->bytes > wire)
        fail_msg("%s: payload %u of %u bytes in a frame of %u", name, packet->payload_bytes, packet->bytes, wire);
}

static void test_every_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        const struct frame_case *frame = &frame_cases[i];
        uint8_t bytes[FRAME_MAX];
        uint32_t captured = decode(frame->hex, bytes);
        uint32_t wire = frame->wire ? frame->wire : captured;
        struct packet packet;
        enum parse_result result = parse_copy(bytes, captured, wire, frame->link, &packet);

        if (result != frame->result)
            fail_msg("%s: result %d, must be %d", frame->name, result, frame->result);
        if (result != PARSE_FLOW)
            continue;
        assert_same_packet(frame->name, &packet, &frame->expected);
        assert_invariants(frame->name, &packet, wire);
    }
}

/* What a snapped frame still says must be what the whole frame says: lengths come from its headers. */
static void check_snapped(const struct frame_case *frame, const uint8_t *bytes, uint32_t cut, uint32_t wire)
{
    const struct packet *wanted = &frame->expected;
    struct packet packet;
    const struct packet *got = &packet;
    const char *name = frame->name;
    enum parse_result result = parse_copy(bytes, cut, wire, frame->link, &packet);

    if (frame->whole && cut >= frame->whole && result != PARSE_FLOW)
        fail_msg("%s: cut to %u bytes its headers are whole, yet the result is %d", name, cut, result);
    if (result != PARSE_FLOW)
        return;
    assert_int_equal(frame->result, PARSE_FLOW);
    assert_invariants(name, got, wire);
    if (got->tunnel != wanted->tunnel && cut < frame->whole)
        return; /* what a tunnel carries is cut: the flow of its own header */
    SAME(bytes);
    SAME(ttl);
    SAME(dscp);
    SAME(key.vlan);
    SAME(key.protocol);
    SAME(ipv6_extensions);
    SAME(size_bin);
    if (frame->whole && cut >= frame->whole)
        assert_same_packet(name, got, wanted);
}

static void test_every_prefix_snapped(void **state)
{
    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        uint8_t bytes[FRAME_MAX];
        uint32_t captured = decode(frame_cases[i].hex, bytes);

        for (uint32_t cut = 0; cut <= captured; cut++)
            check_snapped(&frame_cases[i], bytes, cut, frame_cases[i].wire ? frame_cases[i].wire : captured);
    }
}

/* The wire itself carried no more than the prefix: nothing may claim bytes that never were. */
static void test_every_prefix_on_the_wire(void **state)
{
    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        uint8_t bytes[FRAME_MAX];
        uint32_t captured = decode(frame_cases[i].hex, bytes);

        for (uint32_t cut = 0; cut <= captured; cut++) {
            struct packet packet;

            if (parse_copy(bytes, cut, cut, frame_cases[i].link, &packet) == PARSE_FLOW)
                assert_invariants(frame_cases[i].name, &packet, cut);
        }
    }
}

/* No single changed byte may lead out of bounds or break an invariant. */
static void test_every_byte_set_to_extremes(void **state)
{
    static const uint8_t extreme[] = {0x00, 0x01, 0x0f, 0x40, 0x7f, 0x80, 0xf0, 0xff};

    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        uint8_t bytes[FRAME_MAX];
        uint32_t captured = decode(frame_cases[i].hex, bytes);

        for (uint32_t at = 0; at < captured * sizeof extreme; at++) {
            uint8_t *changed = &bytes[at / sizeof extreme];
            uint8_t before = *changed;
            struct packet packet;

            *changed = extreme[at % sizeof extreme];
            if (parse_copy(bytes, captured, captured, frame_cases[i].link, &packet) == PARSE_FLOW)
                assert_invariants(frame_cases[i].name, &packet, captured);
            *changed = before;
        }
    }
}

/* Both directions of a conversation must give one key. */
static void test_addresses_and_ports_swapped(void **state)
{
    uint8_t bytes[FRAME_MAX];
    struct packet there;
    struct packet back;
    uint32_t size = decode("450000200001000040110000"
                           "0a0000010a000002"
                           "03e80035000c000001020304",
                           bytes);

    (void)state;
    assert_int_equal(parse_copy(bytes, size, size, LINK_RAW_IP, &there), PARSE_FLOW);
    size = decode("450000200001000040110000"
                  "0a0000020a000001"
                  "003503e8000c000001020304",
                  bytes);
    assert_int_equal(parse_copy(bytes, size, size, LINK_RAW_IP, &back), PARSE_FLOW);
    assert_memory_equal(&there.key, &back.key, sizeof there.key);
    assert_int_not_equal(there.direction, back.direction);
}

/* The checks of parse_fast in all the tests above were not in vain. */
static void test_the_short_way_was_taken(void **state)
{
    (void)state;
    assert_true(fast_taken > 1000);
}

static void test_size_bins(void **state)
{
    static const uint32_t upper[] = {64, 128, 256, 512, 1024, 1518, 9216};

    (void)state;
    for (uint32_t i = 0; i < sizeof upper / sizeof upper[0]; i++) {
        assert_int_equal(parse_size_bin(upper[i]), i);
        assert_int_equal(parse_size_bin(upper[i] + 1), i + 1);
    }
    assert_int_equal(parse_size_bin(0), 0);
    assert_int_equal(parse_size_bin(UINT32_MAX), XTOP_SIZE_BINS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case),
        cmocka_unit_test(test_every_prefix_snapped),
        cmocka_unit_test(test_every_prefix_on_the_wire),
        cmocka_unit_test(test_every_byte_set_to_extremes),
        cmocka_unit_test(test_addresses_and_ports_swapped),
        cmocka_unit_test(test_the_short_way_was_taken),
        cmocka_unit_test(test_size_bins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
