/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock that measures how much time has passed, whatever becomes of the wall clock. */
#ifndef XTOP_MONOTONIC_CLOCK_H
#define XTOP_MONOTONIC_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, ns. */
static inline uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
