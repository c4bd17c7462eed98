/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a source that counts in the kernel brings instead of frames: all that was counted between two turns of the
 * epoch (bpf/flow_sum.h), of exactly the same packets.
 */
#ifndef XTOP_FLOW_EPOCH_H
#define XTOP_FLOW_EPOCH_H

#include <stdint.h>

#include "bpf/flow_sum.h"

/* One entry of an epoch: where it lies in key[] and sum[], and what the order goes by. */
struct flow_epoch_entry {
    uint64_t first_seen;
    uint32_t at;
    uint32_t padding;
};

struct flow_epoch {
    const struct flow_sum_key *key;
    const struct flow_sum *sum;
    const struct flow_epoch_entry *entry; /* `count` of them, first seen first */
    uint32_t count;
    struct flow_counts counts; /* of all CPUs together */
    uint64_t until;            /* ns, CLOCK_MONOTONIC: no packet before this is still to come; 0 = nothing was asked */
    uint64_t waited;           /* ns of the turn that nothing was done in */
};

#endif
