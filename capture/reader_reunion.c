/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/reader_reunion.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capture/hash.h"
#include "capture/reader_index.h"
#include "capture/reader_state.h"

#define BUCKETS (2 * REUNION_MOST)
#define SPARE (REUNION_MOST / 8) /* pieces that there is room for when the rings are read */
#define AT_ONCE 16u              /* flows whose index lines are fetched together */
#define UNCUT UINT64_MAX

enum list { FREE, DUE, WAITING, UNSURE, ALONE, READY, LISTS };

/* What is known of one flow so far. Numbers of flows begin with 1; 0 = none. */
struct flow {
    struct xtop_record record;
    uint64_t cut; /* ns: what came later is of the next flow of the key; UNCUT = it ended of itself */
    uint32_t hash;
    uint32_t chain;         /* the next of the bucket */
    uint32_t before, after; /* in its list */
    enum list list;
};

struct queue_of_flows {
    uint32_t first, last;
};

struct reunion {
    struct flow *flow; /* flow[1 .. REUNION_MOST]; memory comes as they are used */
    uint32_t *bucket;
    struct queue_of_flows list[LISTS];
    uint32_t used; /* flow[1 .. used] were used at least once */
    uint32_t held; /* how many are */
};

/* ---- Memory and lists ---------------------------------------------------------------------------------------- */

static size_t flows_size(void)
{
    return (REUNION_MOST + 1) * sizeof(struct flow);
}

struct reunion *reunion_open(void)
{
    struct reunion *reunion = calloc(1, sizeof *reunion);

    if (!reunion)
        return NULL;
    reunion->bucket = calloc(BUCKETS, sizeof *reunion->bucket);
    reunion->flow =
        mmap(NULL, flows_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reunion->bucket && reunion->flow != MAP_FAILED)
        return reunion;
    reunion_close(reunion);
    return NULL;
}

void reunion_close(struct reunion *reunion)
{
    if (!reunion)
        return;
    if (reunion->flow != MAP_FAILED)
        munmap(reunion->flow, flows_size());
    free(reunion->bucket);
    free(reunion);
}

static void list_append(struct reunion *reunion, enum list list, uint32_t number)
{
    struct queue_of_flows *to = &reunion->list[list];
    struct flow *flow = &reunion->flow[number];

    flow->list = list;
    flow->before = to->last;
    flow->after = 0;
    if (to->last)
        reunion->flow[to->last].after = number;
    else
        to->first = number;
    to->last = number;
}

static void list_remove(struct reunion *reunion, uint32_t number)
{
    const struct flow *flow = &reunion->flow[number];
    struct queue_of_flows *from = &reunion->list[flow->list];

    if (flow->before)
        reunion->flow[flow->before].after = flow->after;
    else
        from->first = flow->after;
    if (flow->after)
        reunion->flow[flow->after].before = flow->before;
    else
        from->last = flow->before;
}

static void list_move(struct reunion *reunion, enum list list, uint32_t number)
{
    list_remove(reunion, number);
    list_append(reunion, list, number);
}

static void list_move_all(struct reunion *reunion, enum list from, enum list to)
{
    while (reunion->list[from].first)
        list_move(reunion, to, reunion->list[from].first);
}

/* A number that is in no list; there is one as long as fewer than REUNION_MOST are held. */
static uint32_t flow_new(struct reunion *reunion)
{
    uint32_t number = reunion->list[FREE].first;

    reunion->held++;
    if (!number)
        return ++reunion->used;
    list_remove(reunion, number);
    return number;
}

static void flow_free(struct reunion *reunion, uint32_t number)
{
    list_move(reunion, FREE, number);
    reunion->held--;
}

static uint32_t *bucket_of(const struct reunion *reunion, uint32_t hash)
{
    return &reunion->bucket[hash & (BUCKETS - 1)];
}

static void chain_add(struct reunion *reunion, uint32_t number)
{
    uint32_t *head = bucket_of(reunion, reunion->flow[number].hash);

    reunion->flow[number].chain = *head;
    *head = number;
}

static void chain_remove(struct reunion *reunion, uint32_t number)
{
    uint32_t *at = bucket_of(reunion, reunion->flow[number].hash);

    while (*at != number)
        at = &reunion->flow[*at].chain;
    *at = reunion->flow[number].chain;
}

/* The flow at or behind `at` in a chain that has the key of `hash`; 0 = none. */
static uint32_t chain_find(const struct reunion *reunion, uint32_t at, uint32_t hash, const struct xtop_key *key)
{
    while (at && (reunion->flow[at].hash != hash || memcmp(&reunion->flow[at].record.key, key, sizeof *key) != 0))
        at = reunion->flow[at].chain;
    return at;
}

/* No piece can join it any more. */
static void flow_make_ready(struct reunion *reunion, uint32_t number)
{
    chain_remove(reunion, number);
    list_move(reunion, READY, number);
}

/* ---- What is one flow ---------------------------------------------------------------------------------------- */

/* A piece of a flow in time. */
struct span {
    uint64_t first, last;
    uint64_t cut;
    bool closed;
};

static struct span span_of(const struct xtop_record *record, uint64_t cut)
{
    return (struct span){
        .first = record_first_seen(record),
        .last = record_last_seen(record),
        .cut = cut,
        .closed = record->tcp_state >= XTOP_TCP_CLOSED || record->end_reason == XTOP_END_TCP,
    };
}

/* A piece that was cut is one with what began before: all queues cut together (capture/flow_parts.h). */
static bool cut_allows(const struct span *piece, const struct span *other)
{
    return piece->cut == UNCUT || other->first < piece->cut;
}

/* Whether one queue that had seen both would have had one flow. */
static bool spans_join(const struct xtop_header *header, const struct span *one, const struct span *two)
{
    const struct span *early = one->first <= two->first ? one : two;
    const struct span *late = early == one ? two : one;

    if (record_older(early->last, late->first, header->idle_timeout))
        return false;
    if (early->closed && record_older(early->last, late->first, RECORD_TCP_QUIET))
        return false;
    return cut_allows(one, two) && cut_allows(two, one);
}

/* When a flow that ended was cut off from what came later. */
static uint64_t cut_of(const struct xtop_record *record, const struct xtop_header *header)
{
    uint64_t last = record_last_seen(record);
    uint64_t due = record_first_seen(record) + header->active_timeout;

    if (record->end_reason == XTOP_END_ACTIVE && record->cut_along)
        return last + 1;
    if (record->end_reason == XTOP_END_ACTIVE)
        return due > last ? due : last;
    return record->end_reason == XTOP_END_CACHE_FULL ? last : UNCUT;
}

/* Adds what `other` knows of the same flow; `other` is gone then. */
static void flow_join(struct flow *flow, struct flow *other, const struct xtop_header *header)
{
    uint8_t reason = flow->record.end_reason;

    if (record_last_seen(&other->record) > record_last_seen(&flow->record))
        reason = other->record.end_reason;
    reader_bytes_join(&flow->record, &other->record);
    reader_join(&flow->record, &other->record);
    flow->cut = other->cut < flow->cut ? other->cut : flow->cut;
    /* No queue saw both ends close, or the one that did not see the RST waited in vain. */
    if (reason == XTOP_END_IDLE && flow->record.tcp_state >= XTOP_TCP_CLOSED &&
        header->idle_timeout >= RECORD_TCP_QUIET)
        reason = XTOP_END_TCP;
    flow->record.end_reason = reason & 127;
}

/* A flow that joins with flow `number`; 0 = none. */
static uint32_t find_partner(const struct reunion *reunion, const struct xtop_header *header, uint32_t number)
{
    const struct flow *flow = &reunion->flow[number];
    struct span span = span_of(&flow->record, flow->cut);
    uint32_t at = *bucket_of(reunion, flow->hash);

    while ((at = chain_find(reunion, at, flow->hash, &flow->record.key)) != 0) {
        struct span other = span_of(&reunion->flow[at].record, reunion->flow[at].cut);

        if (spans_join(header, &span, &other))
            break;
        at = reunion->flow[at].chain;
    }
    return at;
}

/* What waits for pieces of the key may have waited for the one that has come, though it does not join with it. */
static void key_fell_due(struct reunion *reunion, const struct flow *flow)
{
    uint32_t at = *bucket_of(reunion, flow->hash);

    for (; (at = chain_find(reunion, at, flow->hash, &flow->record.key)) != 0; at = reunion->flow[at].chain)
        list_move(reunion, DUE, at);
}

/* Flow `number`, of whose record only the rest is to be filled in, takes in all that is one with it. */
static void flow_add(struct reunion *reunion, const struct xtop_header *header, uint32_t number)
{
    struct flow *flow = &reunion->flow[number];
    uint32_t other;

    flow->hash = hash_key(&flow->record.key, header->hash_seed);
    flow->cut = cut_of(&flow->record, header);
    while ((other = find_partner(reunion, header, number)) != 0) {
        flow_join(flow, &reunion->flow[other], header);
        chain_remove(reunion, other);
        flow_free(reunion, other);
    }
    list_append(reunion, DUE, number);
    chain_add(reunion, number);
    key_fell_due(reunion, flow);
}

/* ---- What lives ---------------------------------------------------------------------------------------------- */

/* What is found of a flow's pieces that live; the more, the later in this order. */
enum life { GONE, ENDING, ALIVE };

/* Of what lies at `place`, if it is a piece of the flow. */
static enum life piece_life(const struct reader *reader, struct reader_place place, const struct flow *flow)
{
    struct span span = span_of(&flow->record, flow->cut);
    struct xtop_record record;
    struct span other;
    uint8_t state;

    state = __atomic_load_n(&reader_slot_at(reader, place)->state, __ATOMIC_ACQUIRE); /* first: it may end meanwhile */
    if (!reader_copy_record(reader, place, &record) || memcmp(&record.key, &flow->record.key, sizeof record.key) != 0)
        return GONE;
    other = span_of(&record, UNCUT);
    if (!spans_join(reader->header, &span, &other))
        return GONE;
    return state & XTOP_SLOT_ENDING ? ENDING : ALIVE;
}

/* A queue has one piece at a time. */
static enum life life_in_queue(const struct reader *reader, uint32_t queue, const struct flow *flow)
{
    uint32_t generation;
    uint32_t slot = reader_index_find(reader, queue, flow->hash, &flow->record.key, &generation);

    return slot ? piece_life(reader, (struct reader_place){queue, slot}, flow) : GONE;
}

static enum life flow_life(const struct reader *reader, const struct flow *flow)
{
    enum life life = GONE;

    for (uint32_t queue = 0; queue < reader->header->queue_count && life != ALIVE; queue++) {
        enum life here = life_in_queue(reader, queue, flow);

        life = here > life ? here : life;
    }
    return life;
}

static void flow_fetch(const struct reader *reader, const struct flow *flow)
{
    for (uint32_t queue = 0; queue < reader->header->queue_count; queue++)
        reader_index_fetch(reader, queue, flow->hash);
}

/* So many asked, and what was read for them is let go of: their indexes, and slots that may be anywhere. */
#define ASKED 256u

/* Asks of all that is due whether a piece of it lives. */
static void settle_due(const struct reader *reader)
{
    static const enum list list_of[] = {[GONE] = ALONE, [ENDING] = UNSURE, [ALIVE] = WAITING};
    struct reunion *reunion = reader->reunion;
    uint32_t asked = 0;

    while (reunion->list[DUE].first) {
        uint32_t number = reunion->list[DUE].first;
        uint32_t end = number;

        for (uint32_t i = 0; i < AT_ONCE && end; i++, end = reunion->flow[end].after)
            flow_fetch(reader, &reunion->flow[end]);
        for (uint32_t i = 0; i < AT_ONCE && reunion->list[DUE].first; i++) {
            number = reunion->list[DUE].first;
            list_move(reunion, list_of[flow_life(reader, &reunion->flow[number])], number);
        }
        asked += AT_ONCE;
        if (asked % ASKED == 0)
            reader_let_go(reader);
    }
    atomic_thread_fence(memory_order_acquire); /* only then the rings: see flow_end in capture/flow_life.c */
}

/* ---- The way of a flow --------------------------------------------------------------------------------------- */

static void read_ring(struct reader *reader, uint32_t queue)
{
    uint64_t head = reader_ended_head(reader, queue);
    struct reunion *reunion = reader->reunion;

    while (reader->cursor[queue] < head && reunion->held < REUNION_MOST) {
        uint32_t number = flow_new(reunion);

        if (reader_ended_next(reader, queue, &reunion->flow[number].record)) {
            flow_add(reunion, reader->header, number);
        } else { /* lapped: what is lost may have been waited for */
            list_append(reunion, FREE, number);
            reunion->held--;
            list_move_all(reunion, WAITING, DUE);
        }
    }
}

static void read_rings(struct reader *reader)
{
    for (uint32_t queue = 0; queue < reader->header->queue_count; queue++)
        read_ring(reader, queue);
}

/* Reads what has ended and finds out what of it is whole. False: there is nothing to be done. */
static bool reunion_turn(struct reader *reader)
{
    struct reunion *reunion = reader->reunion;

    while (reunion->held > REUNION_MOST - SPARE && reunion->list[WAITING].first)
        flow_make_ready(reunion, reunion->list[WAITING].first);
    read_rings(reader);
    settle_due(reader);
    read_rings(reader);
    while (reunion->list[ALONE].first)
        flow_make_ready(reunion, reunion->list[ALONE].first);
    return reunion->list[READY].first || reunion->list[DUE].first || reunion->held == REUNION_MOST;
}

uint64_t reunion_take(struct reader *reader, struct xtop_record *to, uint64_t room)
{
    struct reunion *reunion = reader->reunion;
    uint64_t taken = 0;

    list_move_all(reunion, UNSURE, DUE);
    do {
        while (taken < room && reunion->list[READY].first) {
            uint32_t number = reunion->list[READY].first;

            to[taken++] = reunion->flow[number].record;
            flow_free(reunion, number);
        }
    } while (taken < room && reunion_turn(reader));
    return taken;
}

bool reunion_holds(const struct reunion *reunion)
{
    return reunion->held;
}

bool reunion_awaits(const struct reunion *reunion, uint32_t hash)
{
    return reunion->held && *bucket_of(reunion, hash);
}

void reunion_complete(const struct reader *reader, struct reader_row *row)
{
    const struct reunion *reunion = reader->reunion;
    const struct xtop_key key = row->record.key;
    uint32_t hash, at;

    if (!reunion->held)
        return;
    hash = hash_key(&key, reader->header->hash_seed);
    at = *bucket_of(reunion, hash);
    for (; (at = chain_find(reunion, at, hash, &key)) != 0; at = reunion->flow[at].chain) {
        if (reunion->flow[at].list != WAITING && reunion->flow[at].list != UNSURE)
            continue;
        reader_bytes_complete(reader, row, &reunion->flow[at].record);
        reader_join(&row->record, &reunion->flow[at].record);
    }
}
