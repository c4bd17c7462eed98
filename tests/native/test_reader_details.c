/* SPDX-License-Identifier: BSD-2-Clause */
/* Details of groups where flows have come and gone since their sums were made, and where two queues know the same of a flow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/reader.h"
#include "queues_fixture.h"

#define BYTES 100u /* of a packet of the fixture's */
#define PAYLOAD 72u
#define MILLISECOND UINT64_C(1000000)

static struct reader_row look(struct reader *reader, uint32_t group, uint32_t between)
{
    const struct reader_view view = {
        .sort = READER_SORT_BYTES, .descending = 1, .top = 10, .group = group, .details = 1, .between = between};
    struct reader_result result;
    struct reader_row first;

    assert_int_equal(reader_look(reader, &view, &result), 0);
    assert_int_equal(result.group_count, 1);
    first = result.group[0];
    reader_rows_free(result.row);
    reader_rows_free(result.group);
    return first;
}

/* ---- Flows that came since ----------------------------------------------------------------------------------- */

#define FLOWS 100u
#define MORE 50000u /* than there is room for what is kept of slots (reader_previous.c) */

static void feed(struct queues_fixture *queues, uint32_t flow, uint16_t vlan, uint64_t time)
{
    struct packet packet = fixture_packet(flow, 0);

    packet.key.vlan = vlan;
    packet_plain(&packet);
    queues_feed(queues, 0, packet, time);
}

/* Between two intervals groups have what they had, and of it the details that are left: of nobody who came since. */
static void test_who_came_since_is_in_no_group(void **state)
{
    struct queues_fixture queues;
    struct reader_row row;

    (void)state;
    queues_open(&queues, 1, MORE + FLOWS, 64);
    for (uint32_t flow = 0; flow < FLOWS; flow++)
        feed(&queues, flow, 1, START + flow);
    row = look(queues.reader, READER_GROUP_VLAN, 0);
    assert_int_equal(row.record.direction[0].bytes, FLOWS * BYTES);
    assert_int_equal(row.record.direction[0].payload_bytes, FLOWS * PAYLOAD);
    assert_int_equal(row.record.first_seen[0], START);
    assert_int_equal(row.record.last_seen[0], START + FLOWS - 1);

    for (uint32_t flow = FLOWS / 2; flow < FLOWS; flow++)
        feed(&queues, flow, 1, START + 20 * SECOND);
    queues_age(&queues, START + 40 * SECOND);
    for (uint32_t flow = 0; flow < MORE; flow++)
        feed(&queues, FLOWS + flow, 2, START + 41 * SECOND);
    row = look(queues.reader, READER_GROUP_VLAN, 1);
    assert_int_equal(row.record.key.vlan, 1);
    assert_int_equal(row.record.direction[0].bytes, FLOWS * BYTES);
    assert_int_equal(row.record.direction[0].payload_bytes, FLOWS / 2 * 2 * PAYLOAD);
    assert_int_equal(row.record.first_seen[0], START + FLOWS / 2);
    assert_int_equal(row.record.last_seen[0], START + 20 * SECOND);

    for (uint32_t packet = 0; packet < 50 * FLOWS;
         packet++) /* no payload is more than bytes are, whenever these were counted */
        feed(&queues, FLOWS / 2 + packet % (FLOWS / 2), 1, START + 42 * SECOND);
    row = look(queues.reader, READER_GROUP_VLAN, 1);
    assert_int_equal(row.record.direction[0].bytes, FLOWS * BYTES);
    assert_int_equal(row.record.direction[0].payload_bytes, FLOWS * BYTES);
    queues_close(&queues);
}

/* ---- What two queues know ------------------------------------------------------------------------------------ */

/* A handshake whose third packet comes so long after its first. */
static void shake(struct queues_fixture *queues, uint32_t queue, uint64_t time, uint64_t takes)
{
    static const uint16_t flags[3] = {0x02, 0x12, 0x10};
    static const uint32_t sequence[3] = {100, 500, 101};

    for (uint32_t i = 0; i < 3; i++) {
        struct packet packet = fixture_tcp(1, i == 1, flags[i]);

        packet.tcp_sequence = sequence[i];
        packet.payload_bytes = 0;
        packet.bytes = 40;
        packet_plain(&packet);
        queues_feed(queues, queue, packet, time + i * takes / 2);
    }
}

static void check_rtt(uint64_t one, uint64_t other)
{
    const struct reader_view flows = {.sort = READER_SORT_BYTES, .descending = 1};
    struct reader_result result;
    struct queues_fixture queues;
    uint64_t least_us = (one < other ? one : other) / 1000;

    queues_open(&queues, 2, 16, 64);
    shake(&queues, 0, START, one);
    shake(&queues, 1, START + SECOND, other);
    assert_int_equal(look(queues.reader, READER_GROUP_PAIR, 0).record.rtt_us, least_us);
    assert_int_equal(reader_look(queues.reader, &flows, &result), 0);
    assert_int_equal(result.row_count, 1);
    assert_int_equal(result.row[0].record.rtt_us, least_us);
    reader_rows_free(result.row);
    queues_close(&queues);
}

/* Each saw a whole handshake of one connection: its packets were sent twice. */
static void test_of_two_round_trips_the_shorter(void **state)
{
    (void)state;
    check_rtt(10 * MILLISECOND, 20 * MILLISECOND);
    check_rtt(20 * MILLISECOND, 10 * MILLISECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_came_since_is_in_no_group),
        cmocka_unit_test(test_of_two_round_trips_the_shorter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
