/* SPDX-License-Identifier: BSD-2-Clause */
/* What of the capture's memory is resident in a reader's process, by the kernel's account: little within a look, none after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues_fixture.h"
#include "reader_pair.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define FLOWS (UINT32_C(1) << 18) /* 64 MiB of slots and rests */
#define STRETCH_MOST (14 * MEGABYTE)
#define LEARNING_MOST \
    (24 * MEGABYTE) /* 8 MiB of 32,768 slots, two indexes of 2 MiB, and what huge pages reach beyond them */

/* The number in the first line of `file` that begins with `name`, from the line `after` on (NULL: the first), in bytes. */
static uint64_t kilobytes(const char *path, const char *after, const char *name)
{
    FILE *file = fopen(path, "r");
    bool begun = !after;
    uint64_t value = 0;
    char line[512];

    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        begun = begun || strncmp(line, after, strlen(after)) == 0;
        if (begun && strncmp(line, name, strlen(name)) == 0) {
            value = strtoull(line + strlen(name), NULL, 10) * 1024;
            break;
        }
    }
    assert_true(begun);
    assert_int_equal(fclose(file), 0);
    return value;
}

/* Of the reader's mapping. */
static uint64_t resident(const struct reader *reader)
{
    char begin[32];

    snprintf(begin, sizeof begin, "%lx-", (unsigned long)(uintptr_t)reader_header(reader));
    return kilobytes("/proc/self/smaps", begin, "Rss:");
}

/* From now on the process's greatest size is measured. */
static void forget_greatest(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");

    assert_non_null(file);
    assert_true(fputs("5", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void fill(struct table_fixture *fixture, uint64_t time)
{
    for (uint32_t flow = 0; flow < FLOWS - 1; flow++) {
        const struct packet packet = fixture_packet(flow, 0);

        fixture_feed(fixture, &packet, time);
    }
}

static void look_at(struct reader *reader, const struct reader_view *view, uint32_t flows)
{
    struct reader_result result;

    assert_int_equal(reader_look(reader, view, &result), 0);
    assert_int_equal(result.matched + result.hidden, flows);
    reader_rows_free(result.row);
    reader_rows_free(result.group);
}

static void look(struct reader *reader, const struct reader_view *view)
{
    look_at(reader, view, FLOWS - 1);
}

/* Its own memory the reader has after the second look of a kind; each flow moves before the third. */
static void test_view(const struct reader_view *view)
{
    struct table_fixture fixture;
    struct reader *reader;
    uint64_t before;

    fixture_open(&fixture, FLOWS, 16);
    fixture.segment.header->state = XTOP_STATE_RUNNING;
    fill(&fixture, START);
    reader = pair_reader(&fixture);
    look(reader, view);
    look(reader, view);
    fill(&fixture, START + SECOND);
    assert_true(resident(reader) < MEGABYTE);
    before = kilobytes("/proc/self/status", NULL, "VmRSS:");
    forget_greatest();
    look(reader, view);
    assert_true(resident(reader) < MEGABYTE);
    assert_true(kilobytes("/proc/self/status", NULL, "VmHWM:") < before + STRETCH_MOST);
    reader_close(reader);
    fixture_close(&fixture);
}

static void test_the_greatest_flows(void **state)
{
    (void)state;
    test_view(&(struct reader_view){.sort = READER_SORT_BPS, .descending = 1, .top = 200});
}

static void test_flows_by_what_only_their_records_tell(void **state)
{
    (void)state;
    test_view(&(struct reader_view){.sort = READER_SORT_RETRANSMISSIONS, .descending = 1, .top = 200});
}

static void test_flows_by_address(void **state)
{
    (void)state;
    test_view(&(struct reader_view){.sort = READER_SORT_SOURCE, .top = 200});
}

static void test_groups_with_details(void **state)
{
    (void)state;
    test_view(&(struct reader_view){
        .sort = READER_SORT_BPS, .descending = 1, .top = 200, .group = READER_GROUP_PROTOCOL, .details = 1});
}

static void test_a_look_of_two_threads(void **state)
{
    (void)state;
    test_view(&(struct reader_view){.sort = READER_SORT_BPS, .descending = 1, .top = 200, .between = 1, .threads = 2});
}

/* Each flow has a part in either queue, and the parts of one are read wherever they lie. */
static void test_flows_of_two_queues(void **state)
{
    const struct reader_view view = {.sort = READER_SORT_BPS, .descending = 1, .top = 200};
    struct queues_fixture queues;

    (void)state;
    queues_open(&queues, 2, FLOWS, 16);
    for (uint64_t second = 0; second < 3; second++) {
        for (uint32_t flow = 0; flow < FLOWS / 2 - 2000; flow++)
            for (uint32_t end = 0; end < 2; end++)
                queues_feed(&queues, end, fixture_packet(flow, (uint8_t)end), START + second * SECOND);
        look_at(queues.reader, &view, FLOWS / 2 - 2000);
        assert_true(resident(queues.reader) < MEGABYTE);
    }
    queues_close(&queues);
}

static void feed_in_turn(struct queues_fixture *queues, uint32_t first, uint64_t time)
{
    for (uint32_t flow = 0; flow < FLOWS / 2; flow++)
        queues_feed(queues, flow % 2, fixture_packet(first + flow, 0), time);
}

/* All flows are others than they were: each is looked for in the other queue's index, and there is none. */
static void test_new_flows_of_two_queues(void **state)
{
    const struct reader_view view = {.sort = READER_SORT_BPS, .descending = 1, .top = 200};
    struct queues_fixture queues;
    uint64_t before;

    (void)state;
    queues_open(&queues, 2, FLOWS, 16);
    feed_in_turn(&queues, 0, START);
    look_at(queues.reader, &view, FLOWS / 2);
    look_at(queues.reader, &view, FLOWS / 2);
    queues_age(&queues, START + 40 * SECOND);
    look_at(queues.reader, &view, 0);
    feed_in_turn(&queues, FLOWS, START + 41 * SECOND);
    before = kilobytes("/proc/self/status", NULL, "VmRSS:");
    forget_greatest();
    look_at(queues.reader, &view, FLOWS / 2);
    assert_true(kilobytes("/proc/self/status", NULL, "VmHWM:") < before + LEARNING_MOST);
    assert_true(resident(queues.reader) < MEGABYTE);
    queues_close(&queues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_greatest_flows),      cmocka_unit_test(test_flows_by_what_only_their_records_tell),
        cmocka_unit_test(test_flows_by_address),        cmocka_unit_test(test_groups_with_details),
        cmocka_unit_test(test_a_look_of_two_threads),   cmocka_unit_test(test_flows_of_two_queues),
        cmocka_unit_test(test_new_flows_of_two_queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
