/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow table of one queue: a shard of the segment with one writer.
 *
 * DESIGN
 *   A look-up touches one line of the index and, where the packet is plain (flow_slot.h), one of the slot; both are
 *   prefetched for a whole burst before the first is used, so the memory's latency is paid once a burst and not once a
 *   packet.
 *
 *     hash ──► home bucket (7 tags, 7 slots, one cache line) ──► slot (one line; seldom its rest, three)
 *
 *   A bucket that is full sends the next flow to the bucket after it (at most FLOW_INDEX_NEIGHBOURHOOD on) and counts it in
 *   `passed`; a look-up goes on only past buckets whose `passed` is not zero, so a miss costs one line.
 *
 *   Record slots come from a stack of freed ones first, then from fresh memory in chunks that all shards claim from
 *   one budget (header.flows_claimed against max_flows): memory is touched only as flows come, and a shard that gets
 *   all the traffic may use the whole table. When the budget is spent, the least recently seen flow of the
 *   neighbourhood is ended to make room.
 *
 *   Expiry is a clock hand: each burst looks at a few slots, so many that the hand goes round in 0.8 s.
 *   A packet that finds its flow idle for too long ends it there and then, so idle timeouts are exact.
 */
#ifndef XTOP_FLOW_TABLE_H
#define XTOP_FLOW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/flow_sum.h"
#include "capture/byte_histogram.h"
#include "capture/flow_abi.h"
#include "capture/parse.h"
#include "capture/source.h"

struct flow_box;

#define FLOW_TABLE_CLAIM 1024
#define FLOW_TABLE_TURN UINT64_C(800000000) /* ns for a whole turn of the clock hand */

/* Of a file that is read as fast as it goes a turn takes so many times as long, while half of the table is free. */
#define FLOW_TABLE_UNHURRIED 4

struct flow_table {
    struct xtop_bucket *bucket;
    struct xtop_slot *slot; /* slot[0] is unused */
    struct xtop_rest *rest; /* of the slot of the same number */
    uint16_t *births;       /* of XTOP_BIRTHS_SLOTS slots each */
    struct xtop_record *ended;
    struct xtop_shard *shard;
    struct xtop_header *header;
    struct xtop_queue *queue;  /* in the segment; for ended_protocol */
    struct xtop_queue *counts; /* the worker's own totals, published once a burst */
    uint32_t bucket_count;     /* in use: of the shard's, or fewer as long as there are few flows (flow_growth.h) */
    uint32_t hash_seed;
    uint64_t crowd; /* live flows that are too many for these; UINT64_MAX = there are no more buckets */
    uint64_t idle_timeout;
    uint64_t active_timeout;

    uint32_t *free_slot; /* stack; private memory, touched only as flows end */
    uint32_t free_count;
    uint32_t fresh;     /* next slot never used */
    uint32_t fresh_end; /* end of what was claimed */

    uint32_t hand;      /* next slot that the clock hand looks at */
    uint64_t hand_time; /* ns: where the hand's clock stands */

    uint32_t odd; /* packets of the last burst that needed the whole record */
    int stock_fd; /* eventfd to write when slots were claimed, so that the stocker makes more present; -1 = none */

    bool unhurried;    /* the clock hand takes its time (FLOW_TABLE_UNHURRIED) */
    bool exact_active; /* packets bring their own time (files): end a flow at its active timeout to the packet */
    uint64_t earliest; /* ns: no flow was seen before; as long as this is not long ago, none is due by its age */

    /*
     * Files only: the owner's cursor in the ended ring. The worker waits rather than lap it, until *stop. NULL in
     * live capture, which waits for nobody.
     */
    const _Atomic uint64_t *ended_cursor;
    const _Atomic bool *stop;

    struct flow_box *boxes; /* of all queues: capture/flow_parts.h; NULL = there is one queue */
    uint32_t number;        /* of this one */

    struct byte_histograms bytes; /* of payload, where they are counted */
};

/* One packet on its way through the stages. */
struct lookup {
    struct packet packet;
    uint32_t hash;
    uint32_t slot;             /* where find thinks the flow is; 0 = not found */
    uint32_t home;             /* bucket; not beside hash, or gcc stores both by one shuffled vector */
    uint64_t time;             /* ns */
    uint64_t turn;             /* flows that had ended when find looked: if more have, the slot may be another's */
    const struct frame *frame; /* as long as it is not given back; read only where payload bytes are counted */
    uint64_t padding;          /* to 32 bytes: in an array aligned to as many no vector of a packet crosses a line */
};

/*
 * Binds a table to shard `number` of the mapped segment at `header`. `counts` are the worker's totals.
 * Returns 0, or -1 with errno when the private stack cannot be mapped.
 */
int flow_table_open(struct flow_table *table, struct xtop_header *header, uint32_t number, struct xtop_queue *counts);

/* Gives the private memory back; the segment stays as it is. */
void flow_table_close(struct flow_table *table);

/* The stages, each over `count` look-ups of one burst, in this order. Packets must be PARSE_FLOW. */
void flow_table_hash(struct flow_table *table, struct lookup *lookup, uint32_t count);
void flow_table_find(struct flow_table *table, struct lookup *lookup, uint32_t count);
void flow_table_update(struct flow_table *table, struct lookup *lookup, uint32_t count);

/*
 * Instead of flow_table_update: sum[i] is what the end packet.direction of look-up i's flow sent. Of the packet only
 * key, direction and tcp_seen count, and `time` is the sum's first packet's. `clock_base`: ns from the sums' clock to
 * the segment's.
 */
void flow_table_merge(struct flow_table *table, struct lookup *lookup, const struct flow_sum *const *sum,
                      uint32_t count, uint64_t clock_base);

/* Moves the clock hand on to `now` (ns of the source's clock): ends what is due in the slots it passes. */
void flow_table_sweep(struct flow_table *table, uint64_t now);

/* Looks at every slot at once; for a source that is at its end. */
void flow_table_sweep_all(struct flow_table *table, uint64_t now);

#endif
