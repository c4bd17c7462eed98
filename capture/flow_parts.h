/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workers of several queues tell each other of flows whose packets come over more than one of them.
 *
 * DESIGN
 *   A queue knows of a flow what came over it: of a connection perhaps one direction, and so one FIN. When its clock hand
 *   comes to a part that has news, a FIN or RST of the only direction it has, or the active timeout, it looks for the
 *   flow's other parts in the other queues' indexes, as a reader does, and leaves their queues a letter:
 *
 *     hand of queue 0 ─► part with FIN ─► index of queue 1: FIN of the other end ─► closed: mine is marked,
 *                                                                                   and a letter goes into box 1
 *     worker of queue 1, before its hand goes on ─► opens box 1 ─► marks its own part
 *
 *   Each queue still writes its own shard alone, and no packet waits for any of it. A box has many places, and a letter one of
 *   them by its slot; where that is taken the hand comes again, and until then the part with the news is not ended.
 *
 *   So both parts of a closed connection end after TCP's quiet, and both parts of a flow that the active timeout cuts are
 *   cut at once: the next pieces begin together, too. Readers then make one flow of them (capture/reader_reunion.h).
 */
#ifndef XTOP_FLOW_PARTS_H
#define XTOP_FLOW_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_table.h"

#define FLOW_BOX_PLACES 1024

enum flow_news {
    FLOW_CLOSED, /* the connection is: the part is over when it has been quiet */
    FLOW_CUT,    /* by the active timeout */
};

/* What a queue is told of one of its slots; `generation` says of which flow in it. */
struct flow_letter {
    uint32_t slot;
    uint32_t generation;
    enum flow_news news;
};

struct flow_box;

/* A box for each queue; NULL: there is no memory. */
struct flow_box *flow_boxes_open(uint32_t queues);
void flow_boxes_close(struct flow_box *boxes);

/* Whether there may be a letter for the table's queue. */
bool flow_letters_wait(const struct flow_table *table);

/* Takes all letters of the table's queue, FLOW_BOX_PLACES at most; returns how many there were. */
uint32_t flow_letters_take(struct flow_table *table, struct flow_letter *letter);

/* Whether the part in a slot has news of TCP that other parts may want; `now` as of the hand. */
bool flow_part_has_news(const struct xtop_slot *slot, uint64_t now);

/* Tells the other parts; closes the part in `slot`, too, if they make it so. False: to be tried again. */
bool flow_part_tell(struct flow_table *table, uint32_t slot);

/* Cuts the other parts of a flow; false: to be tried again. */
bool flow_part_cut(struct flow_table *table, uint32_t slot);

/* Marks a live part as one of a connection that is closed. */
static inline void flow_part_close(struct xtop_slot *slot)
{
    __atomic_store_n(&slot->state, slot->state | XTOP_SLOT_CLOSED, __ATOMIC_RELAXED);
}

#endif
