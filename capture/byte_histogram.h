/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Payload bytes of flows, by value: a side area of the shard, so that a flow without payload costs four bytes.
 *
 *   of_slot[record slot] ──► pool[id]     0 = no payload yet; BYTE_HISTOGRAM_NONE = the pool had none left
 *   ended record .sequence ──► pool[id]   0 = none; .generation is the histogram's then
 *
 * A live flow holds its histogram, an ended one holds it until the ended ring laps it, or until a flow wants one and
 * none is free: then the one goes whose flow ended first. Its generation tells a reader that it is another's now. Of a
 * file nothing is taken back: its reader asks at the end.
 * Of a queue's pool nothing is touched before it is needed. One writer, the queue's worker.
 */
#ifndef XTOP_BYTE_HISTOGRAM_H
#define XTOP_BYTE_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"
#include "capture/parse.h"
#include "capture/source.h"

#define BYTE_HISTOGRAMS_MOST 65536u /* of all queues together: 260 MiB, if so many flows have payload */
#define BYTE_HISTOGRAM_NONE UINT32_MAX

struct byte_histograms {
    struct xtop_byte_histogram *pool; /* pool[1 .. capacity]; NULL = off */
    uint32_t *of_slot;
    const struct xtop_shard *shard;
    const struct xtop_record *ended;
    struct xtop_queue *counts;
    bool keep; /* files: an ended flow keeps its histogram; when the pool is used up, later flows get none */
    uint32_t capacity;
    uint32_t fresh;      /* next never used */
    uint64_t taken_back; /* records of the ended ring before this one hold none any more */
    uint32_t free_count;
    uint32_t *free; /* stack */
};

/* Binds to shard `shard`'s area, where it has one. Returns 0, or -1 with errno. */
int byte_histograms_open(struct byte_histograms *histograms, struct xtop_header *header, const struct xtop_shard *shard,
                         struct xtop_queue *counts);

void byte_histograms_close(struct byte_histograms *histograms);

static inline bool byte_histograms_on(const struct byte_histograms *histograms)
{
    return histograms->pool != NULL;
}

/* Counts what `frame` holds of the payload of `packet`, of the flow in `slot`. NULL: the frame is gone. */
void byte_histogram_add(struct byte_histograms *histograms, uint32_t slot, const struct packet *packet,
                        const struct frame *frame);

/* Record `head` of the ended ring is about to be written: what its predecessor in that place held is free again. */
void byte_histogram_lap(struct byte_histograms *histograms, uint64_t head);

/* The flow in `slot` ends: its histogram goes with `record`, its copy in the ended ring. */
void byte_histogram_end(struct byte_histograms *histograms, uint32_t slot, struct xtop_record *record);

#endif
