/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which slots of different queues hold one flow: where RSS is not symmetric its two directions, or the packets of one,
 * come by several queues. A capture with one queue has no kin.
 *
 * DESIGN
 *   What was learned of a slot holds as long as its generation does, so before a look only flows are learned that are
 *   new since the look before. Workers count the flows that begin in each block of slots, and blocks where none did are
 *   passed over. Keys of new flows are hashed eight at once, and each hash is looked up in the index of every other queue,
 *   lines of a block fetched together. Who comes later finds who was there before: a worker puts a flow into its index,
 *   then into its slot, and counts it then.
 *
 *   A worker takes a flow that ends out of its index before it frees the slot, so who comes meanwhile does not find it. The
 *   slot says that it is ending from before that on, and such a slot is no part of its flow any more.
 *
 *   The slots of a flow are a ring; the first by queue and slot stands for the flow, and the others are passed over.
 */
#ifndef XTOP_READER_KIN_H
#define XTOP_READER_KIN_H

#include "capture/reader_state.h"

#define KIN_GENERATION ((1u << 24) - 1) /* a slot is not used 2^23 times between two looks */

/* What was learned of a slot. */
struct reader_kin {
    uint32_t hash;      /* of the flow's key, by the segment's seed */
    uint32_t next_slot; /* the next of the ring; 0 = the flow is in this slot alone */
    uint32_t next_queue : 8;
    uint32_t generation : 24; /* the flow's, as much of it as there is room for; 0 = there was no flow */
};

static inline struct reader_kin *reader_kin_at(const struct reader *reader, struct reader_place place)
{
    return &reader->kin[place.queue][place.slot];
}

/* The next slot of the flow, at last `place` again. */
static inline struct reader_place reader_kin_next(const struct reader *reader, struct reader_place place)
{
    const struct reader_kin *kin = reader_kin_at(reader, place);

    return kin->next_slot ? (struct reader_place){kin->next_queue, kin->next_slot} : place;
}

/* Whether the flow of this generation is the one that was learned to be at `place`. */
static inline bool reader_kin_holds(const struct reader *reader, struct reader_place place, uint32_t generation)
{
    return reader_kin_at(reader, place)->generation == (generation & KIN_GENERATION);
}

/* Whether the flow is on its way out, and no part of its like in other queues any more. Of a worker that is gone it does not end. */
static inline bool reader_kin_ends(const struct reader *reader, struct reader_place place)
{
    return reader_place_ending(reader, place) && !reader->over;
}

/* Whether what was at `place` is over, or about to be: it is no part of its flow any more. */
bool reader_kin_is_over(const struct reader *reader, struct reader_place place);

/*
 * Whether the slot stands for the flow that was learned to be there: in its ring no other comes before. Its own part may be over
 * by now, and others live.
 */
bool reader_kin_is_first(const struct reader *reader, struct reader_place place);

/* The one of the ring that does. */
struct reader_place reader_kin_first(const struct reader *reader, struct reader_place place);

/* Takes `place`, where the flow is over, out of its ring; what it leaves is seen to be another flow than it was. */
void reader_kin_leave(const struct reader *reader, struct reader_place place);

/* Learns what is new among the slots that there is room for (reader_previous_reserve). */
void reader_kin_learn(struct reader *reader);

#endif
