/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fragments.c under a flood, for the sanitizers: each packet goes on or is given back exactly once, whatever is pushed
 * out of table and ring. What becomes of the ports is in tests/scenarios/test_fragments.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/fragments.h"

#define FLOOD 200000

struct tally {
    uint64_t released;
    uint64_t bytes;
    uint64_t latest; /* ns */
};

static void tally_release(void *receiver, struct lookup *lookup, uint32_t length)
{
    struct tally *tally = receiver;

    tally->released++;
    tally->bytes += length;
    tally->latest = lookup->time;
}

static uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*state >> 33);
}

/* An IPv4 fragment; returns its length. */
static uint32_t frame_write(uint8_t *at, uint32_t identification, uint32_t offset, bool more)
{
    static const uint8_t header[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 53};

    memcpy(at, header, sizeof header);
    at[4] = (uint8_t)(identification >> 8);
    at[5] = (uint8_t)identification;
    at[6] = (uint8_t)((more ? 0x20 : 0) | (offset >> 8 & 31));
    at[7] = (uint8_t)offset;
    return sizeof header;
}

static void feed(struct fragments *fragments, uint64_t time, uint32_t identification, uint32_t offset, bool more,
                 uint64_t *went_on)
{
    uint8_t frame[28];
    struct lookup lookup = {.time = time};
    uint32_t size = frame_write(frame, identification, offset, more);

    assert_int_equal(parse_frame(frame, size, size, LINK_RAW_IP, true, &lookup.packet), PARSE_FLOW);
    assert_true(lookup.packet.unusual & PACKET_FRAGMENT);
    *went_on += fragments_place(fragments, frame, size, &lookup);
}

static void test_a_flood(void **state)
{
    struct tally tally = {0};
    struct fragments *fragments = fragments_open(1, tally_release, &tally);
    uint64_t random = 1, went_on = 0, time = 1;

    (void)state;
    assert_non_null(fragments);
    for (uint32_t i = 0; i < FLOOD; i++) {
        uint32_t draw = random_next(&random);
        uint32_t offset = draw % 3;

        time += draw % 5000;
        feed(fragments, time, random_next(&random) % 30000, offset, offset != 2, &went_on);
        fragments_expire(fragments, time);
    }
    fragments_expire(fragments, UINT64_MAX);
    assert_int_equal(went_on + tally.released, FLOOD);
    assert_int_equal(tally.bytes, tally.released * 28);
    fragments_close(fragments);
}

static void test_none_waits_beyond_its_time(void **state)
{
    struct tally tally = {0};
    struct fragments *fragments = fragments_open(1, tally_release, &tally);
    uint64_t went_on = 0;

    (void)state;
    feed(fragments, 1000, 7, 1, true, &went_on);
    fragments_expire(fragments, 1000 + FRAGMENTS_WAIT);
    assert_int_equal(tally.released, 0);
    fragments_expire(fragments, 1001 + FRAGMENTS_WAIT);
    assert_int_equal(tally.released, 1);
    assert_int_equal(tally.latest, 1000); /* it keeps the time at which it came */
    assert_int_equal(went_on, 0);
    fragments_close(fragments);
}

/* As in a file whose times are far off: the end is the end. */
static void test_none_waits_beyond_the_end(void **state)
{
    struct tally tally = {0};
    struct fragments *fragments = fragments_open(1, tally_release, &tally);
    uint64_t went_on = 0;

    (void)state;
    feed(fragments, UINT64_MAX - FRAGMENTS_WAIT, 7, 1, true, &went_on);
    feed(fragments, UINT64_MAX, 8, 1, true, &went_on);
    fragments_expire(fragments, UINT64_MAX);
    assert_int_equal(tally.released, 2);
    fragments_close(fragments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flood),
        cmocka_unit_test(test_none_waits_beyond_its_time),
        cmocka_unit_test(test_none_waits_beyond_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
