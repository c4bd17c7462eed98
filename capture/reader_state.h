/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the reader's own files share; nobody else includes it.
 */
#ifndef XTOP_READER_STATE_H
#define XTOP_READER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_record.h"
#include "capture/flow_unpack.h"
#include "capture/reader.h"
#include "capture/reader_group.h"
#include "capture/reader_tally.h"

struct previous; /* reader_gain.h */

/* What of a flow lay in its slot and not in its totals: xtop_slot_side.pending of both ends, added up. */
struct pending {
    uint32_t packets[2];
    uint32_t bytes[2];
};

/* What is kept of slots besides, a bit each. */
struct reader_bits {
    uint64_t gained;     /* previous has a rate */
    uint64_t ends_known; /* since something new was known of the flow that was seen */
    uint64_t began;      /* of those: it is known who began it */
    uint64_t judged;     /* it is known what reader.judge says of the flow that was seen */
    uint64_t hidden;     /* of those: it does not let it through */
    uint64_t ringed;     /* of several queues: other slots have parts of the flow, too (reader_kin.h) */
    uint64_t counted;    /* and what of the flow that the slot stands for is in the tally: what is kept of the slot */
    uint64_t stored;     /* or, where that is not all, what reader.counted says */
    uint64_t todo;       /* within a look: the flow that the slot stands for is to be looked at */
};

/* A flow of several queues as it is in the reader's tally, by the slot that stood for it. */
struct counted {
    uint64_t packets : 48;
    uint64_t lasts : 8; /* bin */
    uint64_t protocol : 8;
    uint64_t bytes;
};

struct reader_ends; /* reader_activity.h */

struct reader_kin; /* reader_kin.h */

struct reunion; /* reader_reunion.h */

struct expected; /* reader_expected.h */

struct group_sums; /* reader_sums.h */

struct reader {
    const struct xtop_header *header;
    uint64_t size; /* of the mapping */

    uint64_t cursor[XTOP_MAX_QUEUES]; /* ended records taken, by queue */
    uint64_t ended_lost;
    struct reunion *reunion;   /* of several queues' pieces of ended flows; NULL with one queue */
    struct xtop_record *ended; /* the store, oldest first */
    uint64_t ended_count;
    uint64_t ended_room;
    struct expected *expected; /* what becomes of the store's records; NULL: they stay */

    struct previous *previous[XTOP_MAX_QUEUES];
    uint32_t *seen[XTOP_MAX_QUEUES]; /* the slots' sequences then; 0 = not looked at, or previous had no room for it */
    struct reader_bits *bits[XTOP_MAX_QUEUES]; /* of 64 slots each */
    struct reader_ends *ends[XTOP_MAX_QUEUES]; /* of slots whose bit says that they are known */
    struct reader_kin *kin[XTOP_MAX_QUEUES];   /* as long as previous; NULL with one queue */
    struct counted *counted[XTOP_MAX_QUEUES];  /* as kin */
    uint16_t *births[XTOP_MAX_QUEUES];         /* xtop_shard.births_offset, as they were learned; for all of kin */
    uint32_t previous_room[XTOP_MAX_QUEUES];   /* slots */
    uint64_t opened_at;                        /* monotonic ns */
    uint64_t looked_at;                        /* monotonic ns of the last look that was kept; 0 = none */
    uint64_t interval;                         /* ns, of the last look */
    struct tally tally;                        /* what flows amount to that were seen, or with several queues counted */
    struct reader_activity *activity;          /* NULL until it is asked for */
    struct group_store groups;                 /* memory of the last look's */
    struct group_sums *sums;          /* of groups that stand from look to look; NULL until they are asked for */
    struct filter_instruction *judge; /* a copy of the filter that flows were judged by, judge_count instructions */
    uint64_t judge_count;             /* 0: by none */
    bool final;                       /* the capture has ended and its last rates stand */
    bool over;                        /* nobody writes any more */
};

/* Where a record lies. */
struct reader_place {
    uint32_t queue;
    uint32_t slot;
};

static inline bool reader_same_place(struct reader_place one, struct reader_place other)
{
    return one.slot == other.slot && one.queue == other.queue;
}

static inline const struct xtop_queue *reader_queue_at(const struct reader *reader, uint32_t queue)
{
    return (const struct xtop_queue *)((uintptr_t)reader->header + reader->header->queues_offset) + queue;
}

static inline const struct xtop_shard *reader_shard_at(const struct reader *reader, uint32_t queue)
{
    return (const struct xtop_shard *)((uintptr_t)reader->header + reader->header->shards_offset) + queue;
}

static inline const struct xtop_slot *reader_slot_at(const struct reader *reader, struct reader_place place)
{
    uint64_t offset = reader_shard_at(reader, place.queue)->slots_offset;

    return (const struct xtop_slot *)((uintptr_t)reader->header + offset) + place.slot;
}

static inline const struct xtop_rest *reader_rest_at(const struct reader *reader, struct reader_place place)
{
    uint64_t offset = reader_shard_at(reader, place.queue)->rests_offset;

    return (const struct xtop_rest *)((uintptr_t)reader->header + offset) + place.slot;
}

/* Which link a queue is of; written before anything else of it, and never again. */
static inline uint8_t reader_queue_link(const struct reader *reader, uint32_t queue)
{
    return (uint8_t)(reader_queue_at(reader, queue)->link % XTOP_MAX_LINKS);
}

/* Slots of a shard that were ever used: 1 .. the result, never more than the mapping holds. */
static inline uint32_t reader_slots_used(const struct reader *reader, uint32_t queue)
{
    const struct xtop_shard *shard = reader_shard_at(reader, queue);
    uint32_t used = __atomic_load_n(&shard->records_used, __ATOMIC_ACQUIRE);

    return used < shard->record_capacity ? used : shard->record_capacity;
}

static inline bool reader_place_live(const struct reader *reader, struct reader_place place)
{
    return __atomic_load_n(&reader_slot_at(reader, place)->state, __ATOMIC_RELAXED) & XTOP_SLOT_VERSION;
}

/* Whether the flow is on its way into the ring of ended flows, or there already. Who is found not to be is in the index. */
static inline bool reader_place_ending(const struct reader *reader, struct reader_place place)
{
    return __atomic_load_n(&reader_slot_at(reader, place)->state, __ATOMIC_RELAXED) & XTOP_SLOT_ENDING;
}

/* As a hint: without the reader's protocol nothing follows from it. */
static inline uint32_t reader_sequence(const struct reader *reader, struct reader_place place)
{
    return __atomic_load_n(&reader_slot_at(reader, place)->sequence, __ATOMIC_RELAXED);
}

/* Another for each flow of a slot, as a hint. */
static inline uint32_t reader_generation(const struct reader *reader, struct reader_place place)
{
    return __atomic_load_n(&reader_rest_at(reader, place)->total[0].shared, __ATOMIC_RELAXED);
}

/* What one sequence lock covers: `size` bytes at `from`, which begins with it, and rest_size bytes at `rest`. */
struct locked {
    const void *from;
    const void *rest;
    size_t size;
    size_t rest_size;
};

/*
 * Copies what is locked to `to` and to `rest_to`. A writer that was killed within a write leaves its sequence odd for
 * ever: the copy is taken as it is when the capture is known to be over, else after a second.
 */
void reader_copy_locked(const struct reader *reader, const struct locked *locked, void *to, void *rest_to);

/* Copies a record whole; false when the slot is free. */
bool reader_copy_record(const struct reader *reader, struct reader_place place, struct xtop_record *record);

/* The same of a record's key and generation. */
bool reader_copy_key(const struct reader *reader, struct reader_place place, struct xtop_key *key,
                     uint32_t *generation);

/* ---- reader_previous.c ---- */

/*
 * Makes room for slots up to `used` of a queue in all that is kept by slot; what there was stays, and new ones are all
 * zero. False: no memory.
 */
bool reader_previous_reserve(struct reader *reader, uint32_t queue, uint32_t used);
void reader_previous_free(struct reader *reader, uint32_t queue);

/* ---- reader_resident.c ---- */

/* Who goes through slots calls reader_let_go after so many: 1 MiB of a queue, and 3 of their rests. */
#define READER_STRETCH 16384u

/* Where the stretch that begins at slot `first` ends, of slots up to `end` - 1. */
static inline uint32_t reader_stretch_end(uint32_t first, uint32_t end)
{
    return end - first > READER_STRETCH ? first + READER_STRETCH : end;
}

/*
 * What was read of the segment goes out of the process's own tables of pages: the memory is the capture's, stays, and is mapped
 * again at a touch, a huge page in one piece. Else a reader would be as large as the whole flow table in the eyes of whoever asks
 * how much memory it takes.
 */
void reader_let_go(const struct reader *reader);

/* ---- reader_glance.c ---- */

/* A slot at the look before. */
struct before {
    uint32_t seen; /* reader.seen */
    const struct previous *previous;
    const struct previous *lasts; /* the same, or what is kept of the first part: what the flow lasted */
};

enum glance {
    GLANCE_FREE,  /* there is no flow */
    GLANCE_BUSY,  /* the writer was at it: copy the record */
    GLANCE_MOVED, /* the flow was touched since the look before */
    GLANCE_ADDED, /* so it was, and nothing of it is new but its packets and bytes: what it lasted is in the same bin */
    GLANCE_STILL, /* it was not */
};

/*
 * Fills in of the record at `place` what every look needs of every flow: sequence, generation, protocol, packets, bytes,
 * and of one that moved first_seen and last_seen; of one that did not stand still, `pending`. Touches one line of a flow
 * that stood still or was added to, three of another, of five.
 */
enum glance reader_glance(const struct reader *reader, struct reader_place place, const struct before *before,
                          struct xtop_record *record, struct pending *pending);

/* The same of one line: of a flow that moved nothing is filled in. */
enum glance reader_glance_slot(const struct reader *reader, struct reader_place place, const struct before *before,
                               struct xtop_record *record, struct pending *pending);

/*
 * Fills in the key, and what tells who began the flow: initiator and tcp_flags. False when the writer was at it, or the
 * slot is no longer at record->sequence.
 */
bool reader_glance_key(const struct reader *reader, struct reader_place place, struct xtop_record *record);

/* The same with what a group shows besides totals: payload, retransmissions, times and RTT. */
bool reader_glance_details(const struct reader *reader, struct reader_place place, struct reader_row *row);

/* ---- reader.c ---- */

/* How many flows a queue has ended. */
uint64_t reader_ended_head(const struct reader *reader, uint32_t queue);

/* Copies the next ended flow of a queue that has one, and moves on. False: the writer lapped us, and we lost some. */
bool reader_ended_next(struct reader *reader, uint32_t queue, struct xtop_record *to);

/* ---- reader_bytes.c ---- */

/* Tells where the bytes of the live flow at `place`, of which `record` is a copy, are counted. */
void reader_bytes_live(const struct reader *reader, struct reader_place place, const struct xtop_record *record,
                       struct reader_row *row);

/*
 * The same of an ended flow; when its record is taken out of a queue's ring, reader_bytes_keep notes the queue, and
 * where it is joined with what another queue saw of it, reader_bytes_join (before reader_join) the other's.
 */
void reader_bytes_keep(struct xtop_record *ended, const struct xtop_shard *shard, uint32_t queue);
void reader_bytes_join(struct xtop_record *ended, struct xtop_record *other);
void reader_bytes_ended(const struct reader *reader, struct reader_row *row);

/* Tells `row` of a flow that lives where the bytes of what of it has ended are counted. */
void reader_bytes_complete(const struct reader *reader, struct reader_row *row, struct xtop_record *ended);

/* ---- reader_filter.c ---- */

/* What a filter may ask besides the flow. */
struct filter_scene {
    uint64_t now;      /* ns */
    double per_second; /* of a row's rates: 1 s / interval; 0 = no rates */
    const struct reader *reader;
};

/* Whether `program`, which filter_refusal has nothing to say of, lets the flow through. */
bool filter_matches(const struct filter_instruction *program, const struct filter_scene *scene,
                    const struct reader_row *row);

/* What is to be known of a live flow, the least first. */
enum filter_needs {
    FILTER_NEEDS_GLANCE, /* what reader_glance tells */
    FILTER_NEEDS_KEY,    /* and reader_glance_key */
    FILTER_NEEDS_RECORD,
};

/* How long what a program says of a live flow stands. */
enum filter_stands {
    FILTER_STANDS_NOT,
    FILTER_STANDS_STILL, /* while no packet comes */
    FILTER_STANDS_ADDED, /* while nothing is new of the flow but its packets and bytes (reader_glance.c) */
};

enum filter_stands filter_stands(const struct filter_instruction *program, uint64_t count);

/* Whether the program says the same of an ended flow whenever it is asked. */
bool filter_is_timeless(const struct filter_instruction *program, uint64_t count);

/* What the program needs of a live flow to say whether it lets it through; of no steps: a glance. */
enum filter_needs filter_needs(const struct filter_instruction *program, uint64_t count);

/* ---- reader_join.c ---- */

/* Adds what another queue saw of the same flow. */
void reader_join(struct xtop_record *record, const struct xtop_record *other);

#endif
