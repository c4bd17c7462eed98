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
#include <sys/mman.h>

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

static size_t births_size(uint32_t room)
{
    return (room / XTOP_BIRTHS_SLOTS + 1) * sizeof(uint16_t);
}

/* `array` of a size, at another address perhaps, or NULL: no memory, and it stands where it stood. */
static void *array_grow(void *array, uint64_t from, uint64_t to)
{
    void *grown;

    if (array)
        grown = mremap(array, from, to, MREMAP_MAYMOVE);
    else
        grown = mmap(NULL, to, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (grown == MAP_FAILED)
        return NULL;
    (void)madvise(grown, to, MADV_HUGEPAGE);
    return grown;
}

static void array_free(void *array, uint64_t size)
{
    if (array)
        munmap(array, size);
}

/* The same for kin, where there are several queues. */
static bool kin_reserve(struct reader *reader, uint32_t queue, uint32_t from, uint32_t to)
{
    size_t known = reader->births[queue] ? births_size(from) : 0;
    void *grown;

    if (reader->header->queue_count == 1)
        return true;
    grown = realloc(reader->births[queue], births_size(to));
    if (!grown)
        return false;
    reader->births[queue] = grown;
    memset((uint8_t *)grown + known, 0, births_size(to) - known);
    grown = array_grow(reader->kin[queue], kin_size(from), kin_size(to));
    if (grown)
        reader->kin[queue] = grown;
    return grown;
}

bool reader_previous_reserve(struct reader *reader, uint32_t queue, uint32_t used)
{
    uint32_t before = reader->previous_room[queue];
    uint64_t size = whole_pages((used + used / 4 + UINT64_C(1)) * sizeof(struct previous));
    uint64_t room = size / sizeof(struct previous) < UINT32_MAX ? size / sizeof(struct previous) : UINT32_MAX;
    void *grown;

    if (used < before)
        return true;
    if (!kin_reserve(reader, queue, before, (uint32_t)room))
        return false;
    grown = array_grow(reader->previous[queue], previous_size(before), size);
    if (!grown) {
        array_free(reader->kin[queue], kin_size((uint32_t)room));
        reader->kin[queue] = NULL;
        reader_previous_free(reader, queue);
        return false;
    }
    reader->previous[queue] = grown;
    reader->previous_room[queue] = (uint32_t)room;
    return true;
}

void reader_previous_free(struct reader *reader, uint32_t queue)
{
    array_free(reader->previous[queue], previous_size(reader->previous_room[queue]));
    array_free(reader->kin[queue], kin_size(reader->previous_room[queue]));
    free(reader->births[queue]);
    reader->births[queue] = NULL;
    reader->previous[queue] = NULL;
    reader->kin[queue] = NULL;
    reader->previous_room[queue] = 0;
}
