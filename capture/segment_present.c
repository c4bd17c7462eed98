/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/segment_present.h"

#include <errno.h>
#include <sys/mman.h>

#include "capture/segment_map.h"

/* Newer than the headers of Debian 12 and Ubuntu 22.04. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE 4096

/*
 * MADV_COLLAPSE leaves a window without any page alone, so each gets its first one before. What a worker wrote there
 * meanwhile stays: the kernel moves it.
 */
void segment_present(const struct xtop_header *header, uint64_t from, uint64_t to)
{
    uint8_t *base = (uint8_t *)(uintptr_t)header;
    int refusal;

    from &= ~(SEGMENT_WINDOW - 1);
    to = (to + SEGMENT_WINDOW - 1) & ~(SEGMENT_WINDOW - 1);
    for (uint64_t at = from; at < to; at += SEGMENT_WINDOW)
        (void)madvise(base + at, PAGE, MADV_POPULATE_WRITE);
    if (madvise(base + from, to - from, MADV_COLLAPSE) == 0)
        return;
    refusal = errno;
    (void)madvise(base + from, to - from, MADV_POPULATE_WRITE);
    if (refusal == EAGAIN) /* of a page that came just then; now none can */
        (void)madvise(base + from, to - from, MADV_COLLAPSE);
}
