/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/worker_burst.h"

#include <stdatomic.h>

#include "capture/dedup.h"
#include "capture/flow_path.h"
#include "capture/flow_tap.h"
#include "capture/frame_filter.h"
#include "capture/ip_versions.h"

/* Frames parsed between prefetches; what parse_lanes takes at once. */
#define PARSE_AT_ONCE 8

/* So many groups of those must have had both versions of IP for the next burst to be put in order, */
#define MIXED_GROUPS 2

/* and so many frames of each version for that to go on. */
#define MIXED_FRAMES 4

/* Puts the frames that are not sampled behind the others and counts them. Returns how many others there are. */
static uint32_t sample_burst(struct worker_queue *queue, struct burst *burst)
{
    uint32_t taken = sampler_partition(&queue->sampler, burst);

    for (uint32_t i = taken; i < burst->count; i++)
        queue->counts.received_bytes += burst->frame[i].length;
    queue->counts.sampled_out += burst->count - taken;
    return taken;
}

/* Puts those of the first `count` frames that the filter rejects behind the others and counts them. */
static uint32_t filter_burst(struct worker_queue *queue, struct burst *burst, uint32_t count)
{
    uint32_t kept = frame_filter_partition(queue->filter, burst, count);

    for (uint32_t i = kept; i < count; i++)
        queue->counts.received_bytes += burst->frame[i].length;
    queue->counts.filtered += count - kept;
    return kept;
}

/* Puts the frames that came before behind the first `count`'s others and counts them. */
static uint32_t dedup_burst(struct worker_queue *queue, struct burst *burst, uint32_t count, uint64_t now)
{
    uint32_t kept = dedup_partition(queue->dedup, burst, count, now);

    for (uint32_t i = kept; i < count; i++) {
        queue->counts.received_bytes += burst->frame[i].length;
        queue->counts.packet_size[parse_size_bin(burst->frame[i].length)]++;
    }
    queue->counts.duplicates += count - kept;
    return kept;
}

/* Where both versions of IP come, IPv6 goes to the end: what is parsed at once is of one version then. */
static void versions_part(struct worker_queue *queue, struct burst *burst, uint32_t count)
{
    uint32_t sixes = ip_versions_partition(burst, count);

    queue->mixed = sixes >= MIXED_FRAMES && count - sixes >= MIXED_FRAMES ? MIXED_GROUPS : 0;
}

/* The record takes it from what is not plain, which the first packet of a direction never is. */
static void mark_egress(struct lookup *lookup, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (lookup[i].frame->cookie & FRAME_EGRESS)
            lookup[i].packet.ip_flags |= XTOP_IP_EGRESS;
}

/*
 * Memory serves only so many prefetches at a time. So they are spread over the burst: while a few frames are parsed,
 * the same number of the next burst's come in, and the index lines of those before, and the slots of those before these.
 */
void worker_count_burst(struct worker_queue *queue, struct burst *burst, uint64_t now)
{
    __attribute__((aligned(32))) struct lookup lookup[SOURCE_BURST];
    const struct flow_path *path = queue->path;
    struct flow_taps *taps = queue->shared->taps;
    uint32_t frames = queue->sampler.plan.interval > 1 ? sample_burst(queue, burst) : burst->count;
    uint32_t flows = 0;
    uint32_t hashed = 0; /* look-ups before this one have been through hash, two steps ago or longer */
    uint32_t found = 0;  /* look-ups before this one have been through find */

    if (queue->filter)
        frames = filter_burst(queue, burst, frames);
    if (queue->dedup)
        frames = dedup_burst(queue, burst, frames, now);
    if (__builtin_expect(queue->mixed >= MIXED_GROUPS, 0))
        versions_part(queue, burst, frames);
    else
        queue->mixed = 0;
    for (uint32_t from = 0; from < frames; from += PARSE_AT_ONCE) {
        uint32_t to = from + PARSE_AT_ONCE < frames ? from + PARSE_AT_ONCE : frames;
        uint32_t more = path->parse(queue, burst, from, to, now, &lookup[flows]);

        path->hash(&queue->table, &lookup[flows], more);
        path->find(&queue->table, &lookup[found], hashed - found);
        found = hashed;
        hashed = flows;
        flows += more;
    }
    queue->counts.received += burst->count;
    if (__builtin_expect(queue->input->tells_egress, 0))
        mark_egress(lookup, flows);
    if (taps && __builtin_expect(atomic_load_explicit(&taps->set, memory_order_relaxed), 0))
        flow_taps_burst(taps, queue->input, burst, frames, queue->decap, now);
    /* Nothing below reads a frame but for its bytes: the kernel gets its room back before we touch a record. */
    if (!byte_histograms_on(&queue->table.bytes))
        queue->operations->recycle(queue->input, burst);
    path->find(&queue->table, &lookup[found], flows - found);
    path->update(&queue->table, lookup, flows);
    if (byte_histograms_on(&queue->table.bytes))
        queue->operations->recycle(queue->input, burst);
}
