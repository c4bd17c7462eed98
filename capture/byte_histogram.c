/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/byte_histogram.h"

#include <stdlib.h>
#include <string.h>

#include "capture/sequence_lock.h"

#define COUNT_PARTS 4
#define COUNT_MANY 256 /* bytes from which setting up the parts pays */

int byte_histograms_open(struct byte_histograms *histograms, struct xtop_header *header, const struct xtop_shard *shard,
                         struct xtop_queue *counts)
{
    uint8_t *base = (uint8_t *)header;

    *histograms = (struct byte_histograms){0};
    if (shard->byte_histogram_capacity == 0)
        return 0;
    histograms->free = malloc(shard->byte_histogram_capacity * sizeof *histograms->free);
    if (!histograms->free)
        return -1;
    histograms->pool = (struct xtop_byte_histogram *)(base + shard->byte_histograms_offset);
    histograms->of_slot = (uint32_t *)(base + shard->byte_histogram_of_offset);
    histograms->ended = (const struct xtop_record *)(base + shard->ended_offset);
    histograms->shard = shard;
    histograms->counts = counts;
    histograms->capacity = shard->byte_histogram_capacity;
    histograms->fresh = 1;
    return 0;
}

void byte_histograms_close(struct byte_histograms *histograms)
{
    free(histograms->free);
    histograms->free = NULL;
}

/* ---- Taking and giving back ---------------------------------------------------------------------------------- */

/* From now on the histogram is nobody's: a reader that copies it finds another generation. */
static void give_back(struct byte_histograms *histograms, uint32_t id)
{
    struct xtop_byte_histogram *histogram = &histograms->pool[id];

    sequence_write_begin(&histogram->sequence);
    histogram->generation++;
    sequence_write_end(&histogram->sequence);
    histograms->free[histograms->free_count++] = id;
}

/* Takes back what the first ended record still holds, if any. False: there is no such record. */
static bool take_back(struct byte_histograms *histograms)
{
    uint64_t head = histograms->shard->ended_head;
    const struct xtop_record *record;

    if (histograms->keep || histograms->taken_back == head)
        return false;
    record = &histograms->ended[histograms->taken_back & (histograms->shard->ended_capacity - 1)];
    histograms->taken_back++;
    if (record->sequence)
        give_back(histograms, record->sequence);
    return true;
}

/* A histogram without a count in it; 0 when there is none left. */
static uint32_t take(struct byte_histograms *histograms)
{
    struct xtop_byte_histogram *histogram;
    uint32_t id;

    if (histograms->free_count == 0 && histograms->fresh <= histograms->capacity)
        return histograms->fresh++; /* its pages are zero as they come */
    while (histograms->free_count == 0)
        if (!take_back(histograms))
            return 0;
    id = histograms->free[--histograms->free_count];
    histogram = &histograms->pool[id];
    sequence_write_begin(&histogram->sequence);
    memset(histogram->count, 0, sizeof histogram->count);
    sequence_write_end(&histogram->sequence);
    return id;
}

static struct xtop_byte_histogram *of_slot(struct byte_histograms *histograms, uint32_t slot)
{
    uint32_t id = histograms->of_slot[slot];

    if (id == BYTE_HISTOGRAM_NONE)
        return NULL;
    if (id == 0) {
        id = take(histograms);
        histograms->counts->byte_histograms_full += id == 0;
        __atomic_store_n(&histograms->of_slot[slot], id ? id : BYTE_HISTOGRAM_NONE, __ATOMIC_RELEASE);
    }
    return id ? &histograms->pool[id] : NULL;
}

/* ---- Counting ------------------------------------------------------------------------------------------------ */

/* Four tables in turn: a run of equal bytes would wait for its own last store otherwise. */
static void count_many(uint64_t count[XTOP_BYTE_VALUES], const uint8_t *data, uint32_t size)
{
    uint16_t part[COUNT_PARTS][XTOP_BYTE_VALUES];

    memset(part, 0, sizeof part);
    for (uint32_t at = 0; at < size; at += COUNT_PARTS)
        for (uint32_t i = 0; i < COUNT_PARTS; i++)
            part[i][data[at + i]]++;
    for (uint32_t value = 0; value < XTOP_BYTE_VALUES; value++)
        count[value] += (uint64_t)part[0][value] + part[1][value] + part[2][value] + part[3][value];
}

static void count_bytes(uint64_t count[XTOP_BYTE_VALUES], const uint8_t *data, uint32_t size)
{
    uint32_t at = 0;

    if (size >= COUNT_MANY && size <= UINT16_MAX) {
        at = size - size % COUNT_PARTS;
        count_many(count, data, at);
    }
    for (; at < size; at++)
        count[data[at]]++;
}

void byte_histogram_add(struct byte_histograms *histograms, uint32_t slot, const struct packet *packet,
                        const struct frame *frame)
{
    uint32_t headers = packet->bytes - packet->payload_bytes;
    uint32_t begin = packet->ip_at + headers;
    struct xtop_byte_histogram *histogram;
    uint32_t size;

    /* Without an IP header of its own it is a later fragment of what a tunnel carried. */
    if (packet->payload_bytes == 0 || headers < 20 || !frame || begin >= frame->captured)
        return;
    size = frame->captured - begin;
    size = size < packet->payload_bytes ? size : packet->payload_bytes;
    histogram = of_slot(histograms, slot);
    if (!histogram)
        return;
    sequence_write_begin(&histogram->sequence);
    count_bytes(histogram->count[packet->direction], frame->data + begin, size);
    sequence_write_end(&histogram->sequence);
}

void byte_histogram_lap(struct byte_histograms *histograms, uint64_t head)
{
    const struct xtop_record *lapped = &histograms->ended[head & (histograms->shard->ended_capacity - 1)];

    if (histograms->keep || head - histograms->taken_back < histograms->shard->ended_capacity)
        return;
    histograms->taken_back++;
    if (lapped->sequence)
        give_back(histograms, lapped->sequence);
}

void byte_histogram_end(struct byte_histograms *histograms, uint32_t slot, struct xtop_record *record)
{
    uint32_t id = histograms->of_slot[slot];

    record->sequence = id == BYTE_HISTOGRAM_NONE ? 0 : id;
    record->generation = record->sequence ? histograms->pool[id].generation : 0;
    __atomic_store_n(&histograms->of_slot[slot], 0, __ATOMIC_RELEASE);
}
