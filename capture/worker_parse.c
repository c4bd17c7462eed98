/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/worker_parse.h"

#include "capture/parse_fast.h"
#include "capture/parse_lanes.h"

/* A fragment that waits is counted when it is given back: the conservation law holds at every moment. */
static void fragment_hold(struct xtop_queue *counts, const struct packet *packet, uint32_t length)
{
    counts->received--;
    counts->received_bytes -= length;
    counts->packet_size[packet->size_bin]--;
}

/* The long way, for frames that parse_fast passes on. False: the frame belongs to no flow, and is counted, or waits. */
static bool parse_at_length(struct worker_queue *queue, const struct frame *frame, struct lookup *lookup)
{
    struct xtop_queue *counts = &queue->counts;
    struct packet *packet = &lookup->packet;
    enum parse_result result;

    result = parse_frame(frame->data, frame->captured, frame->length, queue->input->link, queue->decap, packet);
    counts->too_deep += (packet->unusual & PACKET_TOO_DEEP) != 0;
    if (result == PARSE_NON_IP)
        counts->non_ip++;
    else if (result == PARSE_MALFORMED)
        counts->malformed++;
    else
        counts->length_mismatch += (packet->unusual & PACKET_LENGTH_MISMATCH) != 0;
    if (result != PARSE_FLOW || !(packet->unusual & PACKET_FRAGMENT))
        return result == PARSE_FLOW;
    if (queue->input->tells_egress && frame->cookie & FRAME_EGRESS)
        packet->ip_flags |= XTOP_IP_EGRESS; /* it may wait, without its frame */
    if (fragments_place(queue->fragments, frame->data, frame->length, lookup))
        return true;
    fragment_hold(counts, packet, frame->length);
    return false;
}

/* One frame by itself. */
static bool parse_single(struct worker_queue *queue, const struct frame *frame, struct lookup *at)
{
    bool ethernet = queue->input->link == LINK_ETHERNET;

    return (ethernet && parse_fast(frame->data, frame->captured, frame->length, &at->packet)) ||
           parse_at_length(queue, frame, at);
}

/* What is the same of all frames. */
static inline void parse_note(const struct burst *burst, uint32_t number, uint64_t now, struct lookup *at)
{
    if (number < burst->next_count)
        __builtin_prefetch(burst->next[number]);
    at->time = burst->timed ? burst->frame[number].time : now;
    at->frame = &burst->frame[number];
}

/* All of parse_lanes' frames were plain. */
static uint32_t parse_plain(struct xtop_queue *counts, const struct burst *burst, uint32_t from, uint64_t now,
                            struct lookup *lookup)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < PARSE_LANES; i++) {
        parse_note(burst, from + i, now, &lookup[i]);
        bytes += burst->frame[from + i].length;
        counts->packet_size[lookup[i].packet.size_bin]++;
    }
    counts->received_bytes += bytes;
    return PARSE_LANES;
}

/* Frames `from` .. `to`, of which `read` says which packets stand in `lookup` already (bit i: in lookup[i]). */
static uint32_t parse_mixed(struct worker_queue *queue, const struct burst *burst, uint32_t from, uint32_t to,
                            uint32_t read, uint64_t now, struct lookup *lookup)
{
    uint32_t flows = 0;

    for (uint32_t i = 0; i < to - from; i++) {
        const struct frame *frame = &burst->frame[from + i];
        struct lookup *at = &lookup[flows];
        bool flow = true;

        parse_note(burst, from + i, now, at);
        if (!(read >> i & 1))
            flow = parse_single(queue, frame, at);
        else if (flows != i) /* one before was of no flow */
            at->packet = lookup[i].packet;
        queue->counts.received_bytes += frame->length;
        queue->counts.packet_size[at->packet.size_bin]++;
        flows += flow;
    }
    return flows;
}

/* Whether packets that were looked at together are of both versions of IP. */
static bool versions_mix(const struct lookup *lookup, uint32_t count)
{
    uint32_t sixes = 0;

    for (uint32_t i = 0; i < count; i++)
        sixes += lookup[i].packet.key.ip_version == 6;
    return sixes && sixes < count;
}

uint32_t worker_parse(struct worker_queue *queue, const struct burst *burst, uint32_t from, uint32_t to, uint64_t now,
                      struct lookup *lookup)
{
    bool ethernet = queue->input->link == LINK_ETHERNET;
    uint32_t flows = 0;

    for (; ethernet && from + PARSE_LANES <= to; from += PARSE_LANES) {
        struct lookup *at = &lookup[flows];
        uint32_t read = parse_lanes(&burst->frame[from], &at->packet, sizeof *at);
        uint32_t more;

        if (read == PARSE_LANES_ALL) {
            flows += parse_plain(&queue->counts, burst, from, now, at);
            continue;
        }
        more = parse_mixed(queue, burst, from, from + PARSE_LANES, read, now, at);
        queue->mixed += versions_mix(at, more);
        flows += more;
    }
    return flows + parse_mixed(queue, burst, from, to, 0, now, &lookup[flows]);
}
