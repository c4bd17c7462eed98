/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The choice of packets where they pass by: see capture/sampling.h. Compiled away where every packet is taken. */
#ifndef XTOP_SAMPLING_BPF_H
#define XTOP_SAMPLING_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "bpf/sampling.h"

/* Set before the program is loaded. */
const volatile __u32 sample_interval = 1;
const volatile __u32 sample_threshold = 0; /* random: of 2^32 draws, how many take a packet; 0 = systematic */

static __always_inline bool sample_takes(struct sampling_state *state)
{
    if (sample_threshold)
        return bpf_get_prandom_u32() < sample_threshold;
    if (state->position == 0) {
        state->position = sample_interval - 1;
        return true;
    }
    state->position--;
    return false;
}

#endif
