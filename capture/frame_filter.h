/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture filter in pcap syntax, for sources that cannot have the kernel filter: frames that it rejects were received
 * and are counted as `filtered`. Costs nothing where there is none.
 */
#ifndef XTOP_FRAME_FILTER_H
#define XTOP_FRAME_FILTER_H

#include <pcap/pcap.h>
#include <stdint.h>

#include "capture/failure.h"
#include "capture/source.h"

struct frame_filter {
    struct bpf_program program;
};

/* Compiles `expression` for frames of `pcap`. Returns 0, or -1 with `failure`; pcap_freecode() afterwards. */
int frame_filter_compile(pcap_t *pcap, const char *expression, struct bpf_program *program, struct failure *failure);

/* The same for frames of link type `datalink` (DLT_) without a pcap_t. frame_filter_close() afterwards. */
int frame_filter_open(struct frame_filter *filter, int datalink, const char *expression, struct failure *failure);
void frame_filter_close(struct frame_filter *filter);

/* Moves those of the first `count` frames that pass to the front of `burst`, in their order; returns how many there are. */
uint32_t frame_filter_partition(const struct frame_filter *filter, struct burst *burst, uint32_t count);

#endif
