/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a segment is mapped, by its writer and by readers: where a huge page may begin. Else one that the stocker has
 * made would be 512 small ones to who looks at it, with as many entries of the TLB and page faults.
 */
#ifndef XTOP_SEGMENT_MAP_H
#define XTOP_SEGMENT_MAP_H

#include <stdint.h>
#include <sys/mman.h>

/* A segment is as long as whole huge pages of this size, too. */
#define SEGMENT_WINDOW (UINT64_C(2) << 20)

/* Reserves room for one window more and gives the two ends back. MAP_FAILED as of mmap(2). */
static inline void *segment_map(int fd, uint64_t size, int protection)
{
    uint64_t before;
    uint8_t *room;
    void *map;

    size = (size + 4095) & ~UINT64_C(4095);
    room = mmap(NULL, size + SEGMENT_WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return MAP_FAILED;
    before = -(uint64_t)(uintptr_t)room & (SEGMENT_WINDOW - 1);
    map = mmap(room + before, size, protection, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);
    if (map == MAP_FAILED) {
        munmap(room, size + SEGMENT_WINDOW);
        return MAP_FAILED;
    }
    if (before)
        munmap(room, before);
    munmap(room + before + size, SEGMENT_WINDOW - before);
    return map;
}

#endif
