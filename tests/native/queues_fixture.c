/* SPDX-License-Identifier: BSD-2-Clause */
#include "queues_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow_parts.h"

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "queues_fixture: %s\n", what);
    abort();
}

void queues_open(struct queues_fixture *queues, uint32_t count, uint32_t max_flows, uint32_t ended_capacity)
{
    struct segment_plan plan = {
        .queue_count = count, .max_flows = max_flows, .ended_capacity = ended_capacity, .hash_seed = 12345};
    struct failure failure = {0};
    char error[256] = "";

    memset(queues, 0, sizeof *queues);
    queues->count = count;
    require(segment_create(&queues->segment, &plan, &failure) == 0, failure.text);
    queues->segment.header->idle_timeout = 30 * SECOND;
    queues->segment.header->active_timeout = 300 * SECOND;
    queues->boxes = count > 1 ? flow_boxes_open(count) : NULL;
    require(count == 1 || queues->boxes != NULL, "no memory");
    for (uint32_t i = 0; i < count; i++) {
        require(flow_table_open(&queues->table[i], queues->segment.header, i, &queues->counts[i]) == 0, "no memory");
        queues->table[i].boxes = queues->boxes;
    }
    queues->reader = reader_open(queues->segment.fd, error, sizeof error);
    require(queues->reader != NULL, error);
}

void queues_close(struct queues_fixture *queues)
{
    reader_close(queues->reader);
    for (uint32_t i = 0; i < queues->count; i++)
        flow_table_close(&queues->table[i]);
    flow_boxes_close(queues->boxes);
    segment_destroy(&queues->segment);
}

void queues_feed(struct queues_fixture *queues, uint32_t queue, struct packet packet, uint64_t time)
{
    struct lookup lookup = {.packet = packet, .time = time};

    flow_table_hash(&queues->table[queue], &lookup, 1);
    flow_table_find(&queues->table[queue], &lookup, 1);
    flow_table_update(&queues->table[queue], &lookup, 1);
}

void queues_age(struct queues_fixture *queues, uint64_t time)
{
    for (uint32_t i = 0; i < queues->count; i++)
        flow_table_sweep_all(&queues->table[i], time);
}

uint32_t queues_choose(const struct queues_fixture *queues, uint32_t flow, uint32_t direction, uint32_t *random)
{
    if (flow % 3 == 0)
        return flow % queues->count;
    return (flow % 3 == 1 ? flow + direction : fixture_draw(random)) % queues->count;
}
