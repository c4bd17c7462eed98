/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/large_array.h"

#include <sys/mman.h>

#include "capture/segment_map.h"

/*
 * The last huge page of an array is there as a whole, however little of it is used, and of a NIC with many queues a reader has five
 * arrays for each. What small pages are gone through from end to end costs no more (docs/performance-log.md).
 */
#define SMALL_PAGES_MOST (4 * SEGMENT_WINDOW)

static void pages_choose(void *array, uint64_t size)
{
    (void)madvise(array, size, size > SMALL_PAGES_MOST ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void *large_array_grow(void *array, uint64_t from, uint64_t to)
{
    void *grown;

    if (array)
        grown = mremap(array, from, to, MREMAP_MAYMOVE);
    else
        grown = mmap(NULL, to, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (grown == MAP_FAILED)
        return NULL;
    pages_choose(grown, to);
    return grown;
}

void large_array_free(void *array, uint64_t size)
{
    if (array)
        munmap(array, size);
}

/* Back to the room that it had. */
static void *shrink(const struct large_array *array)
{
    if (array->from)
        return mremap(array->at, array->to, array->from, 0); /* to less room in place, which never fails */
    large_array_free(array->at, array->to);
    return NULL;
}

bool large_arrays_grow(struct large_array *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *grown = large_array_grow(arrays[i].at, arrays[i].from, arrays[i].to);

        if (grown) {
            arrays[i].at = grown;
            continue;
        }
        while (i-- > 0)
            arrays[i].at = shrink(&arrays[i]);
        return false;
    }
    return true;
}
