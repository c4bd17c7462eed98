/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker's first stage over bursts of mixed frames: what comes out and what is counted must be the same whether a
 * burst is parsed whole, in pieces or frame by frame, in whatever order plain frames and others come. And how frames of both
 * versions of IP are put in order for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/ip_versions.h"
#include "capture/worker_parse.h"

#define ROUNDS 3000

static uint32_t noise(uint32_t below)
{
    static uint64_t state = 0x2545f4914f6cdd1d;

    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 33) % below;
}

enum kind { UDP4, TCP4, TAGGED4, UDP6, TAGGED6, ARP, CUT, TOO_LONG, KINDS };

static bool is_six(enum kind kind)
{
    return kind == UDP6 || kind == TAGGED6;
}

/* A frame of its kind; address and size are `number`'s. */
static void make_frame(uint8_t data[128], enum kind kind, uint8_t number, struct frame *frame)
{
    static const uint8_t udp4[] = {0x08, 0,  0x45, 0, 0, 46, 0, 0, 0x40, 0, 64,  17, 0,
                                   0,    10, 0,    0, 0, 10, 9, 9, 9,    3, 232, 0,  53};
    static const uint8_t udp6[] = {0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 17, 64};
    bool tagged = kind == TAGGED4 || kind == TAGGED6;
    uint8_t *type = data + (tagged ? 16 : 12);

    memset(data, 0, 128);
    memcpy(type, is_six(kind) ? udp6 : udp4, is_six(kind) ? sizeof udp6 : sizeof udp4);
    *frame = (struct frame){.data = data, .captured = 60 + number % 40u, .time = 1000u + number};
    frame->length = frame->captured + (kind == TOO_LONG ? 2000 : 0);
    type[is_six(kind) ? 25 : 17] = number;
    if (kind == TCP4) {
        type[11] = 6;
        memcpy(type + 34, "\x50\x10\x01", 3);
    }
    if (tagged)
        memcpy(data + 12, "\x81\x00\x00\x07", 4);
    if (kind == ARP)
        memcpy(type, "\x08\x06", 2);
    if (kind == CUT)
        frame->captured = 20;
}

struct outcome {
    struct lookup lookup[SOURCE_BURST];
    struct xtop_queue counts;
    uint32_t flows;
};

/* Parses a burst in pieces of `piece` frames. */
static void parse_in_pieces(const struct burst *burst, uint32_t piece, struct outcome *outcome)
{
    struct source_queue input = {.link = LINK_ETHERNET};
    struct worker_queue queue = {.input = &input, .decap = true};

    memset(outcome, 0, sizeof *outcome);
    for (uint32_t from = 0; from < burst->count; from += piece) {
        uint32_t to = from + piece < burst->count ? from + piece : burst->count;

        outcome->flows += worker_parse(&queue, burst, from, to, 77, &outcome->lookup[outcome->flows]);
    }
    outcome->counts = queue.counts;
}

static void assert_same(const struct outcome *got, const struct outcome *wanted)
{
    assert_int_equal(got->flows, wanted->flows);
    assert_memory_equal(&got->counts, &wanted->counts, sizeof wanted->counts);
    for (uint32_t i = 0; i < wanted->flows; i++) {
        assert_memory_equal(&got->lookup[i].packet, &wanted->lookup[i].packet, sizeof(struct packet));
        assert_int_equal(got->lookup[i].time, wanted->lookup[i].time);
        assert_ptr_equal(got->lookup[i].frame, wanted->lookup[i].frame);
    }
}

static void test_bursts_of_all_kinds(void **state)
{
    static uint8_t data[SOURCE_BURST][128];
    static struct outcome alone, whole, pieces;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct burst burst = {.count = noise(SOURCE_BURST + 1), .timed = noise(2)};
        uint32_t others = noise(20); /* so many in twenty are not what the burst is full of */
        enum kind usual = (enum kind)noise(5);
        uint32_t flows = 0;

        for (uint32_t i = 0; i < burst.count; i++) {
            enum kind kind = noise(20) < others ? (enum kind)noise(KINDS) : usual;

            make_frame(data[i], kind, (uint8_t)i, &burst.frame[i]);
            flows += kind != ARP && kind != CUT;
        }
        parse_in_pieces(&burst, 1, &alone);
        parse_in_pieces(&burst, SOURCE_BURST, &whole);
        parse_in_pieces(&burst, 1 + noise(20), &pieces);
        assert_int_equal(alone.flows, flows);
        assert_int_equal(alone.counts.non_ip + alone.counts.malformed, burst.count - flows);
        assert_same(&whole, &alone);
        assert_same(&pieces, &alone);
    }
}

/* As many groups of eight have both versions as their kinds say. */
static void test_mixed_groups_are_counted(void **state)
{
    static uint8_t data[SOURCE_BURST][128];
    static struct lookup lookup[SOURCE_BURST];

    (void)state;
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2"))
        skip(); /* no frames are parsed at once */
    for (int round = 0; round < ROUNDS; round++) {
        struct source_queue input = {.link = LINK_ETHERNET};
        struct worker_queue queue = {.input = &input};
        struct burst burst = {.count = noise(SOURCE_BURST + 1)};
        uint32_t share = noise(4) ? noise(20) : 0, mixed = 0;

        for (uint32_t i = 0, sixes = 0, fours = 0; i < burst.count; i++) {
            enum kind kind = noise(10) == 0 ? ARP : noise(20) < share ? UDP6 : UDP4;

            make_frame(data[i], kind, (uint8_t)i, &burst.frame[i]);
            sixes = kind == UDP6 ? sixes + 1 : sixes;
            fours = kind == UDP4 ? fours + 1 : fours;
            if (i % 8 != 7)
                continue;
            mixed += sixes && fours;
            sixes = fours = 0;
        }
        worker_parse(&queue, &burst, 0, burst.count, 77, lookup);
        assert_int_equal(queue.mixed, mixed);
    }
#endif
}

/* Those of IPv6 come last, and each sort is in the order that it was in. */
static void test_versions_are_parted(void **state)
{
    static uint8_t data[SOURCE_BURST][128];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct burst burst = {.count = noise(SOURCE_BURST + 1)};
        uint32_t count = noise(burst.count + 1); /* what is behind these stays */
        uint32_t wanted[SOURCE_BURST], at = 0, share = noise(21);

        enum kind kind[SOURCE_BURST];

        for (uint32_t i = 0; i < burst.count; i++) {
            kind[i] = noise(20) < share ? (noise(2) ? UDP6 : TAGGED6) : (enum kind)noise(KINDS);
            make_frame(data[i], kind[i], (uint8_t)i, &burst.frame[i]);
            burst.frame[i].cookie = i;
        }
        for (uint32_t six = 0; six < 2; six++)
            for (uint32_t i = 0; i < count; i++)
                if (is_six(kind[i]) == six)
                    wanted[at++] = i;
        for (uint32_t i = count; i < burst.count; i++)
            wanted[at++] = i;
        at = 0;
        for (uint32_t i = 0; i < count; i++)
            at += is_six(kind[i]);
        assert_int_equal(ip_versions_partition(&burst, count), at);
        for (uint32_t i = 0; i < burst.count; i++) {
            assert_int_equal(burst.frame[i].cookie, wanted[i]);
            assert_ptr_equal(burst.frame[i].data, data[wanted[i]]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bursts_of_all_kinds),
        cmocka_unit_test(test_mixed_groups_are_counted),
        cmocka_unit_test(test_versions_are_parted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
