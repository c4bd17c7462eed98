/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sequence lock of flow_abi.h, writer's side. The reader's is in reader.c.
 */
#ifndef XTOP_SEQUENCE_LOCK_H
#define XTOP_SEQUENCE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

static inline void sequence_write_begin(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
}

static inline void sequence_write_end(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE);
}

#endif
