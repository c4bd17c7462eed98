/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for what each slot was at the look before: whole huge pages, which a look goes through from end to end once a
 * second. Pages of the kernel's are zero and cost nothing until they are written, so room is ample and grows by moving.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>

#include "capture/reader_gain.h"
#include "capture/reader_state.h"
#include "capture/segment_map.h"

static uint64_t room_size(uint64_t slots)
{
    return (slots * sizeof(struct previous) + SEGMENT_WINDOW - 1) & ~(SEGMENT_WINDOW - 1);
}

bool reader_previous_reserve(struct reader *reader, uint32_t queue, uint32_t used)
{
    uint32_t room = reader->previous_room[queue];
    uint64_t size = room_size(used + used / 4 + UINT64_C(1));
    void *grown;

    if (used < room)
        return true;
    if (room == 0)
        grown = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    else
        grown = mremap(reader->previous[queue], room_size(room), size, MREMAP_MAYMOVE);
    if (grown == MAP_FAILED)
        return false;
    (void)madvise(grown, size, MADV_HUGEPAGE);
    reader->previous[queue] = grown;
    room = (uint32_t)(size / sizeof(struct previous) < UINT32_MAX ? size / sizeof(struct previous) : UINT32_MAX);
    reader->previous_room[queue] = room;
    return true;
}

void reader_previous_free(struct reader *reader, uint32_t queue)
{
    if (reader->previous_room[queue])
        munmap(reader->previous[queue], room_size(reader->previous_room[queue]));
}
