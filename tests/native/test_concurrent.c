/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reader that follows the protocol of flow_abi.h never sees a torn record, while a writer goes at full speed.
 *
 * The writer is a process of its own with the real table (numbered_writer.h); the reader, written here from the header's
 * text alone (its unpacking, too), has the memfd mapped read-only as every viewer has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "numbered_writer.h"

#define UPDATES 1000000u
#define ROUNDS_TO_SEE 2000u /* whole copies that the reader must get before it is content */

struct view {
    const struct xtop_header *header;
    const struct xtop_shard *shard;
};

static struct view view_open(const struct table_fixture *fixture)
{
    void *map = mmap(NULL, fixture->segment.header->segment_size, PROT_READ, MAP_SHARED, fixture->segment.fd, 0);

    assert_ptr_not_equal(map, MAP_FAILED);
    return (struct view){map, segment_shard(map, 0)};
}

/* flow_abi.h: read `sequence` with acquire order; odd: try again; copy; acquire fence; the same again: whole. */
static int copy_slot(const struct view *view, uint32_t number, struct xtop_slot *slot, struct xtop_rest *rest)
{
    uintptr_t base = (uintptr_t)view->header;
    const struct xtop_slot *from = (const struct xtop_slot *)(base + view->shard->slots_offset) + number;
    uint32_t before = __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE);

    if (before & 1)
        return 0;
    memcpy(slot, from, sizeof *slot);
    memcpy(rest, (const struct xtop_rest *)(base + view->shard->rests_offset) + number, sizeof *rest);
    atomic_thread_fence(memory_order_acquire);
    return __atomic_load_n(&from->sequence, __ATOMIC_RELAXED) == before;
}

/* The picture of `pending` in flow_abi.h, of which these tests fill bin 1, the IP bytes and the header bytes. */
static void add_pending(uint64_t pending, struct xtop_direction *direction)
{
    uint32_t packets = pending >> 7 & 63;
    uint32_t bytes = pending >> 33 & 0x3ffff;

    assert_int_equal(pending & ~(UINT64_C(63) << 7) & ((UINT64_C(1) << 33) - 1), 0);
    direction->packets += packets;
    direction->size_histogram[1] += packets;
    direction->bytes += bytes;
    direction->payload_bytes += bytes - (pending >> 51);
}

/* What assert_whole looks at. */
static struct xtop_record read_slot(const struct xtop_slot *slot, const struct xtop_rest *rest)
{
    struct xtop_record record = {.key.port = {slot->port[0], slot->port[1]}};

    memcpy(record.key.address[0], rest->address0, sizeof rest->address0);
    for (int i = 0; i < 2; i++) {
        const struct xtop_rest_total *total = &rest->total[i];
        struct xtop_direction *direction = &record.direction[i];

        direction->packets = total->packets;
        direction->bytes = total->bytes;
        direction->payload_bytes = total->bytes - total->header_bytes;
        direction->size_histogram[1] = total->size_histogram[1];
        direction->ttl_min = slot->side[i].ttl_min;
        record.first_seen[i] = total->first_seen;
        record.last_seen[i] = slot->side[i].last_seen;
        add_pending(slot->side[i].pending, direction);
    }
    return record;
}

/* Copies records until the writer is done and enough were whole; returns how many were. */
static uint64_t read_until_done(const struct view *view)
{
    uint64_t whole = 0;
    int done = 0;

    while (!done) {
        uint32_t used;

        done = __atomic_load_n(&view->header->state, __ATOMIC_ACQUIRE) == XTOP_STATE_DONE;
        used = __atomic_load_n(&view->shard->records_used, __ATOMIC_ACQUIRE);
        for (uint32_t slot = 1; slot <= used; slot++) {
            struct xtop_record record;
            struct xtop_slot copy;
            struct xtop_rest rest;

            if (!copy_slot(view, slot, &copy, &rest) || (copy.state & XTOP_SLOT_VERSION) == 0)
                continue;
            assert_int_equal(rest.total[0].shared % 2, 1); /* the generation */
            record = read_slot(&copy, &rest);
            assert_whole(&record);
            whole++;
        }
    }
    return whole;
}

static void check_records(uint32_t max_flows, uint32_t flows)
{
    struct table_fixture fixture;
    struct view view;
    uint64_t whole = 0;

    fixture_open(&fixture, max_flows, 64);
    view = view_open(&fixture);
    for (int round = 0; round == 0 || (whole < ROUNDS_TO_SEE && round < 20); round++) {
        pid_t child;

        fixture.segment.header->state = XTOP_STATE_RUNNING;
        child = writer_start(&fixture, UPDATES, flows);
        whole += read_until_done(&view);
        writer_join(child);
        if (whole < ROUNDS_TO_SEE) { /* one core: the writer may run through unobserved; a fresh table, once more */
            fixture_close(&fixture);
            fixture_open(&fixture, max_flows, 64);
            view = view_open(&fixture);
        }
    }
    assert_true(whole >= ROUNDS_TO_SEE);
    fixture_close(&fixture);
}

static void test_one_hot_record(void **state)
{
    (void)state;
    check_records(1, 1);
}

static void test_a_handful_of_records(void **state)
{
    (void)state;
    check_records(64, 32);
}

/* Five flows through three slots: each update may end a flow and give its slot to another. */
static void test_slots_that_change_hands(void **state)
{
    (void)state;
    check_records(3, 5);
}

/* flow_abi.h: record i is whole when, after the copy, ended_reserved - i <= ended_capacity. */
static int copy_ended(const struct view *view, uint64_t number, struct xtop_record *copy)
{
    const struct xtop_record *ring = (const struct xtop_record *)((uintptr_t)view->header + view->shard->ended_offset);

    memcpy(copy, &ring[number % view->shard->ended_capacity], sizeof *copy);
    atomic_thread_fence(memory_order_acquire);
    return __atomic_load_n(&view->shard->ended_reserved, __ATOMIC_RELAXED) - number <= view->shard->ended_capacity;
}

struct ended_reader {
    uint64_t cursor;
    uint64_t whole;
    uint64_t lost;
};

static void read_ended(const struct view *view, struct ended_reader *reader, uint64_t head)
{
    while (reader->cursor < head) {
        struct xtop_record copy;

        if (head - reader->cursor > view->shard->ended_capacity) {
            reader->lost += head - view->shard->ended_capacity - reader->cursor;
            reader->cursor = head - view->shard->ended_capacity;
        }
        if (copy_ended(view, reader->cursor, &copy)) {
            assert_whole(&copy);
            assert_int_equal(copy.direction[0].packets + copy.direction[1].packets, 1);
            assert_int_equal(copy.end_reason, XTOP_END_CACHE_FULL);
            /* Flow i's one packet was the i-th: records come in the order in which flows ended, none twice. */
            assert_int_equal(copy.last_seen[0] + copy.last_seen[1], START + reader->cursor);
            reader->whole++;
        } else {
            reader->lost++;
        }
        reader->cursor++;
    }
}

/* A ring of four, a table of one: the reader is lapped all the time, must notice, and must account for each record. */
static void test_a_lapped_ended_ring(void **state)
{
    struct table_fixture fixture;
    struct ended_reader reader = {0};
    struct view view;
    pid_t child;
    int done = 0;

    (void)state;
    fixture_open(&fixture, 1, 4);
    view = view_open(&fixture);
    fixture.segment.header->state = XTOP_STATE_RUNNING;
    child = writer_start(&fixture, UPDATES, 1000);
    while (!done) {
        done = __atomic_load_n(&view.header->state, __ATOMIC_ACQUIRE) == XTOP_STATE_DONE;
        read_ended(&view, &reader, __atomic_load_n(&view.shard->ended_head, __ATOMIC_ACQUIRE));
    }
    writer_join(child);
    assert_int_equal(view.shard->ended_head, UPDATES - 1); /* all but the one that lives */
    assert_int_equal(reader.whole + reader.lost, UPDATES - 1);
    assert_true(reader.whole >= 4);
    fixture_close(&fixture);
}

struct waiting_writer {
    struct table_fixture fixture;
    _Atomic uint64_t cursor;
    _Atomic bool stop;
    _Atomic bool finished;
};

#define WAITING_FLOWS 5000u

static void *write_and_wait(void *argument)
{
    struct waiting_writer *writer = argument;

    for (uint32_t i = 0; i < WAITING_FLOWS; i++) {
        struct packet packet = numbered_packet(i % 1000, 0);

        fixture_feed(&writer->fixture, &packet, START + i);
    }
    writer->finished = true;
    return NULL;
}

static void waiting_writer_open(struct waiting_writer *writer)
{
    memset(writer, 0, sizeof *writer);
    fixture_open(&writer->fixture, 1, 4);
    writer->fixture.table.ended_cursor = &writer->cursor;
    writer->fixture.table.stop = &writer->stop;
}

/* From a file the writer waits for its owner: a ring of four must bring thousands of records, none lapped. */
static void test_a_writer_that_waits_loses_nothing(void **state)
{
    struct waiting_writer writer;
    struct ended_reader reader = {0};
    struct view view;
    pthread_t thread;

    (void)state;
    waiting_writer_open(&writer);
    view = view_open(&writer.fixture);
    assert_int_equal(pthread_create(&thread, NULL, write_and_wait, &writer), 0);
    while (reader.cursor < WAITING_FLOWS - 1) {
        read_ended(&view, &reader, __atomic_load_n(&view.shard->ended_head, __ATOMIC_ACQUIRE));
        atomic_store(&writer.cursor, reader.cursor);
    }
    pthread_join(thread, NULL);
    assert_int_equal(reader.lost, 0);
    assert_int_equal(reader.whole, WAITING_FLOWS - 1);
    fixture_close(&writer.fixture);
}

/* An owner that is gone must not hold the writer for ever. */
static void test_stop_frees_a_writer_that_waits(void **state)
{
    struct waiting_writer writer;
    pthread_t thread;

    (void)state;
    waiting_writer_open(&writer);
    assert_int_equal(pthread_create(&thread, NULL, write_and_wait, &writer), 0);
    while (__atomic_load_n(&segment_shard(writer.fixture.segment.header, 0)->ended_head, __ATOMIC_ACQUIRE) < 4)
        sched_yield();
    assert_false(writer.finished); /* the cursor has not moved: the fifth record has no room */
    atomic_store(&writer.stop, true);
    pthread_join(thread, NULL);
    assert_true(writer.finished);
    fixture_close(&writer.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_hot_record),
        cmocka_unit_test(test_a_handful_of_records),
        cmocka_unit_test(test_slots_that_change_hands),
        cmocka_unit_test(test_a_lapped_ended_ring),
        cmocka_unit_test(test_a_writer_that_waits_loses_nothing),
        cmocka_unit_test(test_stop_frees_a_writer_that_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
