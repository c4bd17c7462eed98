/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/row_columns.h"

#include <stdbool.h>
#include <string.h>

#include "capture/hash.h"

#define WORDS (sizeof(struct reader_row) / sizeof(uint64_t))
#define NO_PLACE 0x8000u

_Static_assert(sizeof(struct reader_row) % sizeof(uint64_t) == 0, "a row is so many words");

/* A row, or in what it differs. */
union words {
    struct reader_row row;
    uint64_t word[WORDS];
};

size_t row_columns_size(uint64_t count)
{
    return count < NO_PLACE ? sizeof(uint64_t) + count * (sizeof(uint16_t) + sizeof(struct reader_row)) : 0;
}

static void row_forget(struct reader_row *row, bool entropies)
{
    row->record.sequence = 0;
    row->record.generation = 0;
    memset(row->record.tcp_next, 0, sizeof row->record.tcp_next);
    memset(row->histogram, 0, sizeof row->histogram);
    memset(row->histogram_generation, 0, sizeof row->histogram_generation);
    memset(row->histogram_queue, 0, sizeof row->histogram_queue);
    if (!entropies)
        memset(row->entropy, 0, sizeof row->entropy);
}

/* ---- Which row was which */

static bool same_flow(const struct reader_row *row, const struct reader_row *before)
{
    return row->flow_id == before->flow_id && row->record.initiator == before->record.initiator &&
           memcmp(&row->record.key, &before->record.key, sizeof row->record.key) == 0;
}

/* The row's place among those before, looked for from `first` on and around; before_count: it is none of them. */
static uint64_t place_before(const struct reader_row *row, const struct reader_row *before, uint64_t before_count,
                             uint64_t first)
{
    for (uint64_t i = first; i < before_count; i++)
        if (same_flow(row, &before[i]))
            return i;
    for (uint64_t i = 0; i < first && i < before_count; i++)
        if (same_flow(row, &before[i]))
            return i;
    return before_count;
}

/* ---- What is foretold of a row by that before and its other fields */

/* By sizes. */
static uint64_t foretold_packets(const struct xtop_direction *now, const struct xtop_direction *before)
{
    uint64_t packets = before->packets;

    for (int bin = 0; bin < XTOP_SIZE_BINS; bin++)
        packets += (uint32_t)(now->size_histogram[bin] - before->size_histogram[bin]);
    return packets;
}

/* By the headers that a packet of the flow usually had. */
static uint64_t foretold_payload(const struct xtop_direction *now, const struct xtop_direction *before)
{
    uint64_t headers = before->packets ? (before->bytes - before->payload_bytes) / before->packets : 0;

    return before->payload_bytes + (now->bytes - before->bytes) - (now->packets - before->packets) * headers;
}

/* ---- Differences */

/* `time` as told from the latest, 0 standing for never; and from there to the time: the same sum. */
static uint64_t from_latest(uint64_t time, uint64_t latest)
{
    return time ? latest - time + 1 : 0;
}

static void row_differ(const struct reader_row *now, const struct reader_row *before, bool known, uint64_t latest,
                       struct reader_row *difference)
{
    difference->flow_id = now->flow_id - hash_key(&now->record.key, HASH_FLOW_ID_SEED);
    difference->flows = now->flows - before->flows;
    for (int end = 0; end < 2; end++) {
        const struct xtop_direction *direction = &now->record.direction[end], *was = &before->record.direction[end];

        difference->record.direction[end].packets = direction->packets - foretold_packets(direction, was);
        difference->record.direction[end].zero_windows = direction->zero_windows - was->zero_windows;
        difference->record.direction[end].payload_bytes = direction->payload_bytes - foretold_payload(direction, was);
        difference->record.last_seen[end] = from_latest(now->record.last_seen[end], latest);
        if (known) {
            difference->rate_packets[end] = now->rate_packets[end] - (direction->packets - was->packets);
            difference->rate_bytes[end] = now->rate_bytes[end] - (direction->bytes - was->bytes);
        }
    }
}

/* `now` holds before + difference: the key, sizes and bytes are right. */
static void row_sum(const struct reader_row *difference, const struct reader_row *before, bool known, uint64_t latest,
                    struct reader_row *now)
{
    now->flow_id = hash_key(&now->record.key, HASH_FLOW_ID_SEED) + difference->flow_id;
    now->flows = before->flows + difference->flows;
    for (int end = 0; end < 2; end++) {
        const struct xtop_direction *gained = &difference->record.direction[end], *was = &before->record.direction[end];
        struct xtop_direction *direction = &now->record.direction[end];

        direction->packets = foretold_packets(direction, was) + gained->packets;
        direction->zero_windows = (uint64_t)was->zero_windows + gained->zero_windows;
        direction->payload_bytes = foretold_payload(direction, was) + gained->payload_bytes;
        now->record.last_seen[end] = from_latest(difference->record.last_seen[end], latest);
        if (known) {
            now->rate_packets[end] = difference->rate_packets[end] + (direction->packets - was->packets);
            now->rate_bytes[end] = difference->rate_bytes[end] + (direction->bytes - was->bytes);
        }
    }
}

/* ---- Columns */

static void column_put(uint8_t *columns, uint64_t count, uint64_t row, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        columns[i * count + row] = ((const uint8_t *)from)[i];
}

static void column_get(const uint8_t *columns, uint64_t count, uint64_t row, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = columns[i * count + row];
}

/* Forgets what is nobody's, and returns when the last packet of all rows came. */
static uint64_t rows_prepare(struct reader_row *row, uint64_t count, bool entropies)
{
    uint64_t latest = 0;

    for (uint64_t i = 0; i < count; i++) {
        row_forget(&row[i], entropies);
        for (int end = 0; end < 2; end++)
            if (row[i].record.last_seen[end] > latest)
                latest = row[i].record.last_seen[end];
    }
    return latest;
}

void row_columns_write(struct reader_row *row, uint64_t count, const struct reader_row *before, uint64_t before_count,
                       int entropies, uint8_t *columns)
{
    uint8_t *places = columns + sizeof(uint64_t), *fields = places + count * sizeof(uint16_t);
    uint64_t latest = rows_prepare(row, count, entropies), next = 0;

    memcpy(columns, &latest, sizeof latest);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = place_before(&row[i], before, before_count, next);
        bool known = place < before_count;
        union words now, was = {0}, difference;
        uint16_t distance = (uint16_t)NO_PLACE;

        memcpy(&now, &row[i], sizeof now);
        if (known) {
            memcpy(&was, &before[place], sizeof was);
            distance = (uint16_t)(place - next);
            next = place + 1;
        }
        for (size_t word = 0; word < WORDS; word++)
            difference.word[word] = now.word[word] - was.word[word];
        row_differ(&now.row, &was.row, known, latest, &difference.row);
        column_put(places, count, i, &distance, sizeof distance);
        column_put(fields, count, i, &difference, sizeof difference);
    }
}

void row_columns_read(const uint8_t *columns, uint64_t count, const struct reader_row *before, uint64_t before_count,
                      struct reader_row *row)
{
    const uint8_t *places = columns + sizeof(uint64_t), *fields = places + count * sizeof(uint16_t);
    uint64_t latest, next = 0;

    memcpy(&latest, columns, sizeof latest);
    for (uint64_t i = 0; i < count; i++) {
        union words now, was = {0}, difference;
        uint64_t place = before_count;
        uint16_t distance;

        column_get(places, count, i, &distance, sizeof distance);
        column_get(fields, count, i, &difference, sizeof difference);
        if (distance != NO_PLACE) {
            place = next + (uint64_t)(int64_t)(int16_t)distance;
            next = place + 1;
        }
        if (place < before_count)
            memcpy(&was, &before[place], sizeof was);
        for (size_t word = 0; word < WORDS; word++)
            now.word[word] = was.word[word] + difference.word[word];
        row_sum(&difference.row, &was.row, place < before_count, latest, &now.row);
        memcpy(&row[i], &now, sizeof now);
    }
}
