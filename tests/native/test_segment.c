/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The segment: laid out as flow_abi.h says, nothing overlaps, and nobody who receives its descriptor can write to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/segment.h"

static struct segment create(uint32_t queues, uint32_t max_flows, uint32_t ended)
{
    struct segment_plan plan = {
        .queue_count = queues, .max_flows = max_flows, .ended_capacity = ended, .hash_seed = 0xfeedbeef};
    struct failure failure = {0};
    struct segment segment;

    if (segment_create(&segment, &plan, &failure) != 0)
        fail_msg("segment_create: %s", failure.text);
    return segment;
}

static void test_header_says_what_was_planned(void **state)
{
    struct segment segment = create(3, 1000, 64);
    const struct xtop_header *header = segment.header;
    struct stat file;

    (void)state;
    assert_int_equal(fstat(segment.fd, &file), 0);
    assert_memory_equal(&header->magic, "XTOPFL01", 8);
    assert_int_equal(header->layout_version, XTOP_LAYOUT_VERSION);
    assert_int_equal(header->header_size, XTOP_HEADER_SIZE);
    assert_int_equal(header->segment_size, file.st_size);
    assert_int_equal(header->record_size, 256);
    assert_int_equal(header->queue_size, 64 * 9 + 256 * 24);
    assert_int_equal(header->shard_size, 128);
    assert_int_equal(header->queue_count, 3);
    assert_int_equal(header->hash_seed, 0xfeedbeef);
    assert_int_equal(header->max_flows, 1000);
    assert_int_equal(header->state, XTOP_STATE_STARTING);
    assert_int_equal(header->pid, getpid());
    segment_destroy(&segment);
}

/* Every region in address order; each must begin at or after the end of the one before. */
static void test_regions_do_not_overlap(void **state)
{
    struct segment segment = create(5, 777, 32);
    const struct xtop_header *header = segment.header;
    uint64_t end = XTOP_HEADER_SIZE;

    (void)state;
    assert_true(header->queues_offset >= end);
    end = header->queues_offset + 5 * sizeof(struct xtop_queue);
    assert_true(header->shards_offset >= end);
    end = header->shards_offset + 5 * sizeof(struct xtop_shard);
    for (uint32_t i = 0; i < 5; i++) {
        const struct xtop_shard *shard = segment_shard(header, i);

        assert_true(shard->bucket_count * XTOP_BUCKET_ENTRIES >= 777);
        assert_true(shard->record_capacity >= 777);
        assert_int_equal(shard->ended_capacity, 32);
        assert_int_equal(shard->index_offset % 64, 0);
        assert_int_equal(shard->slots_offset % 64, 0);
        assert_int_equal(shard->rests_offset % 64, 0);
        assert_int_equal(shard->ended_offset % 64, 0);
        assert_true(shard->index_offset >= end);
        assert_true(shard->births_offset >= shard->index_offset + shard->bucket_count * sizeof(struct xtop_bucket));
        assert_true(shard->slots_offset >=
                    shard->births_offset + (shard->record_capacity / XTOP_BIRTHS_SLOTS + 1) * sizeof(uint16_t));
        assert_true(shard->rests_offset >=
                    shard->slots_offset + (shard->record_capacity + 1) * sizeof(struct xtop_slot));
        assert_true(shard->ended_offset >=
                    shard->rests_offset + (shard->record_capacity + 1) * sizeof(struct xtop_rest));
        end = shard->ended_offset + shard->ended_capacity * sizeof(struct xtop_record);
    }
    assert_true(header->segment_size >= end);
    segment_destroy(&segment);
}

/* A viewer gets the descriptor: it may map it to read, and nothing else. */
static void test_a_viewer_cannot_write(void **state)
{
    struct segment segment = create(1, 16, 16);
    uint64_t size = segment.header->segment_size;
    void *map;

    (void)state;
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment.fd, 0);
    assert_ptr_equal(map, MAP_FAILED);
    assert_int_equal(write(segment.fd, "x", 1), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(segment.fd, 0), -1);
    assert_int_equal(ftruncate(segment.fd, (off_t)size * 2), -1);
    assert_int_equal(fcntl(segment.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, segment.fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mprotect(map, size, PROT_READ | PROT_WRITE), -1);
    munmap(map, size);
    segment_destroy(&segment);
}

static void test_the_writer_is_seen_by_a_viewer(void **state)
{
    struct segment segment = create(1, 16, 16);
    const struct xtop_header *view = mmap(NULL, segment.header->segment_size, PROT_READ, MAP_SHARED, segment.fd, 0);

    (void)state;
    assert_ptr_not_equal(view, MAP_FAILED);
    segment.header->state = XTOP_STATE_RUNNING;
    segment_queue(segment.header, 0)->received = 42;
    assert_int_equal(view->state, XTOP_STATE_RUNNING);
    assert_int_equal(segment_queue(view, 0)->received, 42);
    munmap((void *)(uintptr_t)view, segment.header->segment_size);
    segment_destroy(&segment);
}

/* The default table must cost address space, not memory: a million flows are 250 MB, and this host may be small. */
static void test_memory_comes_as_flows_come(void **state)
{
    struct segment segment = create(4, 1048576, SEGMENT_ENDED_DEFAULT);
    struct stat file;

    (void)state;
    assert_int_equal(fstat(segment.fd, &file), 0);
    assert_true(file.st_size > (off_t)1048576 * 256);
    assert_true(file.st_blocks * 512 < 1 << 20);
    segment_destroy(&segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_says_what_was_planned), cmocka_unit_test(test_regions_do_not_overlap),
        cmocka_unit_test(test_a_viewer_cannot_write),        cmocka_unit_test(test_the_writer_is_seen_by_a_viewer),
        cmocka_unit_test(test_memory_comes_as_flows_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
