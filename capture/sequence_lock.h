/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sequence lock of flow_abi.h, both sides. How often a reader tries, and what it does when the writer was killed, is
 * its own matter (reader.c).
 */
#ifndef XTOP_SEQUENCE_LOCK_H
#define XTOP_SEQUENCE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
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

/* What is read between begin and stands is whole if the sequence was even at the one and is the same at the other. */
static inline uint32_t sequence_read_begin(const uint32_t *sequence)
{
    return __atomic_load_n(sequence, __ATOMIC_ACQUIRE);
}

static inline bool sequence_read_stands(const uint32_t *sequence, uint32_t before)
{
    atomic_thread_fence(memory_order_acquire);
    return __atomic_load_n(sequence, __ATOMIC_RELAXED) == before;
}

#endif
