/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sequence lock of flow_abi.h, writer's side. The reader's is in reader.c.
 */
#ifndef XTOP_SEQUENCE_LOCK_H
#define XTOP_SEQUENCE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* Returns what the sequence is meanwhile. */
static inline uint32_t sequence_write_begin(uint32_t *sequence)
{
    uint32_t odd = *sequence + 1;

    __atomic_store_n(sequence, odd, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
    return odd;
}

/* With what begin returned: a second load would have to wait for begin's store. */
static inline void sequence_write_close(uint32_t *sequence, uint32_t odd)
{
    __atomic_store_n(sequence, odd + 1, __ATOMIC_RELEASE);
}

static inline void sequence_write_end(uint32_t *sequence)
{
    sequence_write_close(sequence, *sequence);
}

#endif
