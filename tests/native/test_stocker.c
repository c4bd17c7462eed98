/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stocker makes present, by the kernel's own count of the segment's blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#include "capture/segment.h"
#include "capture/stocker.h"

#define FLOWS 1048576u
#define STOCK 16384u
#define PATIENCE_MS 20000
#define FLOW_SIZE (sizeof(struct xtop_slot) + sizeof(struct xtop_rest))

static uint64_t present(const struct segment *segment)
{
    struct stat file;

    assert_int_equal(fstat(segment->fd, &file), 0);
    return (uint64_t)file.st_blocks * 512;
}

static struct segment create(uint32_t queues)
{
    struct segment_plan plan = {.queue_count = queues, .max_flows = FLOWS, .ended_capacity = 65536, .hash_seed = 1};
    struct failure failure = {0};
    struct segment segment;

    if (segment_create(&segment, &plan, &failure) != 0)
        fail_msg("segment_create: %s", failure.text);
    return segment;
}

/* Waits until at least `bytes` are present. */
static void wait_present(const struct segment *segment, uint64_t bytes)
{
    for (int i = 0; i < PATIENCE_MS && present(segment) < bytes; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_true(present(segment) >= bytes);
}

/* Room for `flows` flows and the whole index (64 bytes for 4 flows), to whole windows: neither less nor a table more. */
static void assert_present_for(const struct segment *segment, uint64_t flows)
{
    uint64_t wanted = flows * FLOW_SIZE + (uint64_t)FLOWS / 4 * 64;

    wait_present(segment, wanted);
    assert_true(present(segment) <= wanted + 8 * SEGMENT_WINDOW);
}

static void test_the_stock_keeps_ahead_of_the_flows(void **state)
{
    struct segment segment = create(1);
    struct stocker stocker;
    uint8_t *record;

    (void)state;
    stocker_stock(&stocker, segment.header, STOCK);
    assert_int_equal(stocker_start(&stocker), 0);
    assert_present_for(&segment, STOCK);
    record = (uint8_t *)segment.header + segment_shard(segment.header, 0)->rests_offset;
    memset(record, 0x5a, 4096); /* what is written must stay when its page moves into a huge one */
    __atomic_store_n(&segment_shard(segment.header, 0)->records_used, 100000, __ATOMIC_RELEASE);
    assert_int_equal(eventfd_write(stocker.wake_fd, 1), 0);
    assert_present_for(&segment, 100000 + STOCK);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(record[i], 0x5a);
    stocker_stop(&stocker);
    segment_destroy(&segment);
}

/* A table that is full: nothing beyond it is touched. */
static void test_the_stock_ends_with_the_table(void **state)
{
    struct segment segment = create(1);
    struct stocker stocker;

    (void)state;
    __atomic_store_n(&segment_shard(segment.header, 0)->records_used, FLOWS, __ATOMIC_RELEASE);
    stocker_stock(&stocker, segment.header, STOCK);
    assert_int_equal(stocker_start(&stocker), 0);
    assert_present_for(&segment, FLOWS);
    stocker_stop(&stocker);
    segment_destroy(&segment);
}

/* RSS may leave queues without a flow: they cost their share of the stock, not their index. */
static void test_idle_queues_cost_little(void **state)
{
    struct segment segment = create(8);
    struct stocker stocker;

    (void)state;
    stocker_stock(&stocker, segment.header, STOCK);
    assert_int_equal(stocker_start(&stocker), 0);
    assert_true(present(&segment) >= STOCK * FLOW_SIZE);
    assert_true(present(&segment) <= STOCK * FLOW_SIZE + 8 * 4 * SEGMENT_WINDOW);
    stocker_stop(&stocker);
    segment_destroy(&segment);
}

/* Without a stock nothing is there before flows are, and no more than these need. */
static void test_no_stock_only_follows(void **state)
{
    struct segment segment = create(1);
    struct stocker stocker;
    uint64_t empty = present(&segment);

    (void)state;
    stocker_stock(&stocker, segment.header, STOCKER_NONE);
    assert_int_equal(stocker_start(&stocker), 0);
    assert_int_equal(present(&segment), empty);
    __atomic_store_n(&segment_shard(segment.header, 0)->records_used, 5000, __ATOMIC_RELEASE);
    assert_int_equal(eventfd_write(stocker.wake_fd, 1), 0);
    wait_present(&segment, 2 * SEGMENT_WINDOW);
    assert_true(present(&segment) <= empty + 3 * SEGMENT_WINDOW);
    __atomic_store_n(&segment_shard(segment.header, 0)->records_used, FLOWS / 2, __ATOMIC_RELEASE);
    assert_int_equal(eventfd_write(stocker.wake_fd, 1), 0);
    assert_present_for(&segment, FLOWS / 2);
    stocker_stop(&stocker);
    segment_destroy(&segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_stock_keeps_ahead_of_the_flows),
        cmocka_unit_test(test_the_stock_ends_with_the_table),
        cmocka_unit_test(test_idle_queues_cost_little),
        cmocka_unit_test(test_no_stock_only_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
