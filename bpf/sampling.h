/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs and their reader share of packet sampling; the rules are those of capture/sampling.h. */
#ifndef XTOP_BPF_SAMPLING_H
#define XTOP_BPF_SAMPLING_H

#include <linux/types.h>

/* Where the selection stands on one CPU, and what it left out. One writer: nothing is atomic. */
struct sampling_state {
    __u64 packets; /* left out */
    __u64 bytes;   /* of these, frame bytes without FCS */
    __u64 dropped; /* of these, taken from the host as well */
    __u32 position;
    __u32 padding;
};

#endif
