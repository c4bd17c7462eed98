/* SPDX-License-Identifier: BSD-2-Clause */
#include "group_arithmetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TOP 20u
#define SYN 2

/* ---- The arithmetic ------------------------------------------------------------------------------------------ */

/* What a flow is to a group: not in it, or seen from its end 0 or 1. A flow of a host with itself is in it twice. */
static bool is_of(const struct reader_row *flow, uint32_t kind, const struct xtop_key *group, uint32_t end)
{
    const struct xtop_record *record = &flow->record;
    uint32_t flags = record->direction[0].tcp_flags | record->direction[1].tcp_flags;
    uint32_t client =
        record->initiator; /* who began it, but of what has no SYN who does not have the only system port */

    if (kind == READER_GROUP_HOST)
        return memcmp(record->key.address[end], group->address[0], 16) == 0;
    if (kind == READER_GROUP_PAIR)
        return end == 0 && memcmp(record->key.address, group->address, 32) == 0;
    if (kind == READER_GROUP_PROTOCOL)
        return end == client && record->key.protocol == group->protocol;
    if (kind == READER_GROUP_VLAN)
        return end == client && record->key.vlan == group->vlan;
    if (!(flags & SYN) && (record->key.port[0] < 1024) != (record->key.port[1] < 1024))
        client = record->key.port[0] < 1024;
    return end == client && record->key.protocol == group->protocol && record->key.port[!client] == group->port[1];
}

struct wanted {
    uint64_t packets[2], bytes[2], rate_packets[2], rate_bytes[2];
    uint64_t payload_bytes[2], first_seen[2], last_seen[2], retransmissions[2];
    uint64_t rtt_us;
    uint64_t flows;
};

static uint64_t lesser(uint64_t known, uint64_t other)
{
    return known == 0 || (other && other < known) ? other : known;
}

static void add_details(struct wanted *sum, const struct reader_row *flow, uint32_t to, uint32_t from)
{
    const struct xtop_record *record = &flow->record;

    sum->payload_bytes[to] += record->direction[from].payload_bytes;
    sum->retransmissions[to] += flow->retransmissions[from];
    sum->first_seen[to] = lesser(sum->first_seen[to], record->first_seen[from]);
    if (record->last_seen[from] > sum->last_seen[to])
        sum->last_seen[to] = record->last_seen[from];
    sum->rtt_us = lesser(sum->rtt_us, record->rtt_us);
}

static struct wanted add_up(const struct reader_result *all, uint32_t kind, const struct xtop_key *group)
{
    struct wanted sum = {0};

    for (uint64_t i = 0; i < all->row_count; i++)
        for (uint32_t end = 0; end < 2; end++) {
            const struct reader_row *flow = &all->row[i];

            for (uint32_t to = 0; is_of(flow, kind, group, end) && to < 2; to++) {
                sum.packets[to] += flow->record.direction[to ^ end].packets;
                sum.bytes[to] += flow->record.direction[to ^ end].bytes;
                sum.rate_packets[to] += flow->rate_packets[to ^ end];
                sum.rate_bytes[to] += flow->rate_bytes[to ^ end];
                sum.flows += to;
                add_details(&sum, flow, to, to ^ end);
            }
        }
    return sum;
}

/* Between two intervals a flow's rate is not known as well as a group's. */
static void assert_is_sum(const struct reader_row *group, const struct wanted *sum, bool between)
{
    for (int to = 0; to < 2; to++) {
        assert_int_equal(group->record.direction[to].packets, sum->packets[to]);
        assert_int_equal(group->record.direction[to].bytes, sum->bytes[to]);
        if (between)
            continue;
        assert_int_equal(group->rate_packets[to], sum->rate_packets[to]);
        assert_int_equal(group->rate_bytes[to], sum->rate_bytes[to]);
    }
    assert_int_equal(group->flows, sum->flows);
}

static void assert_details(const struct reader_row *group, const struct wanted *sum)
{
    for (int to = 0; to < 2; to++) {
        assert_int_equal(group->record.direction[to].payload_bytes, sum->payload_bytes[to]);
        assert_int_equal(group->retransmissions[to], sum->retransmissions[to]);
        assert_int_equal(group->record.first_seen[to], sum->first_seen[to]);
        assert_int_equal(group->record.last_seen[to], sum->last_seen[to]);
    }
    assert_int_equal(group->record.rtt_us, sum->rtt_us);
}

static uint64_t volume(const struct reader_row *row, uint32_t sort)
{
    const struct xtop_direction *sent = row->record.direction;

    switch (sort) {
    case READER_SORT_BPS:
        return row->rate_bytes[0] + row->rate_bytes[1];
    case READER_SORT_PPS:
        return row->rate_packets[0] + row->rate_packets[1];
    case READER_SORT_BYTES:
        return sent[0].bytes + sent[1].bytes;
    case READER_SORT_SENT:
        return sent[0].bytes;
    case READER_SORT_FLOWS:
        return row->flows;
    default:
        return sent[0].packets + sent[1].packets;
    }
}

/* ---- Looks --------------------------------------------------------------------------------------------------- */

static void result_free(struct reader_result *result)
{
    reader_rows_free(result->row);
    reader_rows_free(result->group);
}

/* All groups, as the last look left them; every flow is in as many of them as it has ends that count. */
static void assert_all_groups(const struct looks *looks, const struct reader_view *view,
                              const struct reader_result *flows)
{
    struct reader_view between = *view;
    struct reader_result all;
    uint64_t members = 0;

    between.between = 1;
    between.top = 0;
    between.details = 0; /* which would add all up anew, and rates of between two intervals are not exact */
    assert_int_equal(reader_look(looks->few, &between, &all), 0);
    assert_int_equal(all.group_count, all.groups);
    for (uint64_t i = 0; i < all.group_count; i++) {
        const struct wanted sum = add_up(flows, view->group, &all.group[i].record.key);

        assert_true(sum.flows > 0);
        assert_is_sum(&all.group[i], &sum, false);
        members += sum.flows;
        if (i > 0)
            assert_true(volume(&all.group[i - 1], view->sort) >= volume(&all.group[i], view->sort));
    }
    assert_int_equal(members, flows->row_count * (view->group == READER_GROUP_HOST ? 2 : 1));
    result_free(&all);
}

void assert_groups(const struct looks *looks, struct reader_view view, bool thoroughly)
{
    struct reader_view plain = view;
    struct reader_result few, all;

    plain.sort = READER_SORT_BYTES;
    plain.group = plain.activity = READER_GROUP_NONE;
    view.top = TOP;
    assert_int_equal(reader_look(looks->few, &view, &few), 0);
    assert_int_equal(reader_look(looks->whole, &plain, &all), 0);
    assert_int_equal(few.flows_live, all.flows_live);
    assert_int_equal(few.matched, all.row_count);
    assert_int_equal(few.group_count, few.groups < TOP ? few.groups : TOP);
    for (uint64_t i = 0; i < few.group_count; i++) {
        const struct wanted sum = add_up(&all, view.group, &few.group[i].record.key);

        assert_is_sum(&few.group[i], &sum, view.between);
        if (view.details)
            assert_details(&few.group[i], &sum);
        if (i > 0)
            assert_true(volume(&few.group[i - 1], view.sort) >= volume(&few.group[i], view.sort));
    }
    if (thoroughly && !view.between)
        assert_all_groups(looks, &view, &all);
    result_free(&few);
    result_free(&all);
}
