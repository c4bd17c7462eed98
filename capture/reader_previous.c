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

static uint64_t room_size(uint32_t room, size_t element)
{
    return whole_pages(room * (uint64_t)element);
}

static struct large_array large_array(void *at, size_t element, uint32_t from, uint32_t to)
{
    return (struct large_array){at, room_size(from, element), room_size(to, element)};
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
    struct large_array arrays[] = {
        large_array(reader->previous[queue], sizeof(struct previous), from, to),
        large_array(reader->seen[queue], sizeof(uint32_t), from, to),
        large_array(reader->ends[queue], sizeof(struct reader_ends), from, to),
        large_array(reader->kin[queue], sizeof(struct reader_kin), from, to),
        large_array(reader->counted[queue], sizeof(struct counted), from, to),
    };
    bool grown = large_arrays_grow(arrays, several ? 5 : 3);

    reader->previous[queue] = arrays[0].at;
    reader->seen[queue] = arrays[1].at;
    reader->ends[queue] = arrays[2].at;
    reader->kin[queue] = arrays[3].at;
    reader->counted[queue] = arrays[4].at;
    return grown;
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
    uint32_t room = reader->previous_room[queue];

    large_array_free(reader->previous[queue], room_size(room, sizeof *reader->previous[queue]));
    large_array_free(reader->seen[queue], room_size(room, sizeof *reader->seen[queue]));
    large_array_free(reader->ends[queue], room_size(room, sizeof *reader->ends[queue]));
    large_array_free(reader->kin[queue], room_size(room, sizeof *reader->kin[queue]));
    large_array_free(reader->counted[queue], room_size(room, sizeof *reader->counted[queue]));
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
