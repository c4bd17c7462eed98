/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for what is kept of each slot from look to look: whole huge pages, which a look goes through from end to end
 * once a second. Pages of the kernel's are zero and cost nothing until they are written, so room is ample and grows by
 * moving.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>

#include "capture/large_array.h"
#include "capture/reader_activity.h"
#include "capture/reader_gain.h"
#include "capture/reader_kin.h"
#include "capture/reader_state.h"
#include "capture/segment_map.h"

static uint64_t whole_pages(uint64_t size)
{
    return (size + SEGMENT_WINDOW - 1) & ~(SEGMENT_WINDOW - 1);
}

static uint64_t previous_size(uint32_t room)
{
    return whole_pages(room * sizeof(struct previous));
}

static uint64_t kin_size(uint32_t room)
{
    return whole_pages(room * sizeof(struct reader_kin));
}

static uint64_t counted_size(uint32_t room)
{
    return whole_pages(room * sizeof(struct counted));
}

static uint64_t seen_size(uint32_t room)
{
    return whole_pages(room * sizeof(uint32_t));
}

static uint64_t ends_size(uint32_t room)
{
    return whole_pages(room * sizeof(struct reader_ends));
}

static size_t bits_size(uint32_t room)
{
    return (room / 64 + 1) * sizeof(struct reader_bits);
}

static size_t births_size(uint32_t room)
{
    return (room / XTOP_BIRTHS_SLOTS + 1) * sizeof(uint16_t);
}

/* An array of the heap, all zero from what was `known` of it on. */
static void *small_grow(void *array, size_t known, size_t to)
{
    uint8_t *grown = realloc(array, to);

    if (grown)
        memset(grown + known, 0, to - known);
    return grown;
}

/* The small ones; where there is no memory for all, those that have grown are longer than anybody asks. */
static bool small_reserve(struct reader *reader, uint32_t queue, uint32_t from, uint32_t to)
{
    void *grown = small_grow(reader->bits[queue], reader->bits[queue] ? bits_size(from) : 0, bits_size(to));

    if (!grown)
        return false;
    reader->bits[queue] = grown;
    if (reader->header->queue_count == 1)
        return true;
    grown = small_grow(reader->births[queue], reader->births[queue] ? births_size(from) : 0, births_size(to));
    if (grown)
        reader->births[queue] = grown;
    return grown;
}

/* The great ones: all of them grow, or none. */
static bool arrays_reserve(struct reader *reader, uint32_t queue, uint32_t from, uint32_t to)
{
    bool several = reader->header->queue_count > 1;
    void *previous = large_array_grow(reader->previous[queue], previous_size(from), previous_size(to));
    void *seen = previous ? large_array_grow(reader->seen[queue], seen_size(from), seen_size(to)) : NULL;
    void *ends = seen ? large_array_grow(reader->ends[queue], ends_size(from), ends_size(to)) : NULL;
    void *kin = ends && several ? large_array_grow(reader->kin[queue], kin_size(from), kin_size(to)) : NULL;
    void *counted = kin ? large_array_grow(reader->counted[queue], counted_size(from), counted_size(to)) : NULL;
    bool enough = ends && (counted || !several);

    if (previous)
        reader->previous[queue] =
            enough ? previous : large_array_shrink(previous, previous_size(from), previous_size(to));
    if (seen)
        reader->seen[queue] = enough ? seen : large_array_shrink(seen, seen_size(from), seen_size(to));
    if (ends)
        reader->ends[queue] = enough ? ends : large_array_shrink(ends, ends_size(from), ends_size(to));
    if (kin)
        reader->kin[queue] = enough ? kin : large_array_shrink(kin, kin_size(from), kin_size(to));
    if (counted)
        reader->counted[queue] = counted;
    return enough;
}

bool reader_previous_reserve(struct reader *reader, uint32_t queue, uint32_t used)
{
    uint64_t size = whole_pages((used + used / 4 + UINT64_C(1)) * sizeof(struct previous));
    uint64_t room = size / sizeof(struct previous) < UINT32_MAX ? size / sizeof(struct previous) : UINT32_MAX;
    uint32_t before = reader->previous_room[queue];

    if (used < before)
        return true;
    if (!small_reserve(reader, queue, before, (uint32_t)room) || !arrays_reserve(reader, queue, before, (uint32_t)room))
        return false;
    reader->previous_room[queue] = (uint32_t)room;
    return true;
}

void reader_previous_free(struct reader *reader, uint32_t queue)
{
    large_array_free(reader->previous[queue], previous_size(reader->previous_room[queue]));
    large_array_free(reader->seen[queue], seen_size(reader->previous_room[queue]));
    large_array_free(reader->ends[queue], ends_size(reader->previous_room[queue]));
    large_array_free(reader->kin[queue], kin_size(reader->previous_room[queue]));
    large_array_free(reader->counted[queue], counted_size(reader->previous_room[queue]));
    free(reader->bits[queue]);
    free(reader->births[queue]);
    reader->bits[queue] = NULL;
    reader->births[queue] = NULL;
    reader->previous[queue] = NULL;
    reader->seen[queue] = NULL;
    reader->ends[queue] = NULL;
    reader->kin[queue] = NULL;
    reader->counted[queue] = NULL;
    reader->previous_room[queue] = 0;
}
