/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock hand of a shard: goes round its slots and ends what is due; and does what other queues' hands ask for. */
#include "capture/flow_growth.h"
#include "capture/flow_life.h"
#include "capture/flow_parts.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* Slots between the clock hand and the one that is fetched for it: a few bursts' time. */
#define SWEEP_AHEAD 24

/* Flows that are ended together. */
#define ENDINGS_AT_ONCE 8

/* ---- Other queues ------------------------------------------------------------------------------------------------ */

static void letter_obey(struct flow_table *table, const struct flow_letter *letter)
{
    struct xtop_slot *slot = &table->slot[letter->slot];
    const struct xtop_rest *rest = &table->rest[letter->slot];

    if (!slot_is_live(slot) || rest->total[0].shared != letter->generation)
        return; /* it has ended meanwhile */
    if (letter->news == FLOW_CLOSED)
        flow_part_close(slot);
    else
        flow_end(table, letter->slot, XTOP_END_ACTIVE, true);
}

static void letters_open(struct flow_table *table)
{
    struct flow_letter letter[FLOW_BOX_PLACES];
    uint32_t count = flow_letters_take(table, letter);

    for (uint32_t i = 0; i < count; i++)
        letter_obey(table, &letter[i]);
}

/* Why the flow in `slot` is over, when its other parts have been told what they must know first. */
static uint8_t due_of_all(struct flow_table *table, uint32_t slot, uint64_t now, uint8_t reason)
{
    bool told = true;

    if (reason == XTOP_END_ACTIVE)
        told = flow_part_cut(table, slot);
    else if (reason != XTOP_END_IDLE && flow_part_has_news(&table->slot[slot], now))
        told = flow_part_tell(table, slot);
    return told ? reason : XTOP_END_NONE;
}

/* ---- The hand ---------------------------------------------------------------------------------------------------- */

/* Flows that are over, found in a row of slots: their lines are fetched side by side before the first of them ends. */
struct endings {
    uint32_t count;
    struct {
        uint32_t slot;
        uint8_t reason;
    } at[ENDINGS_AT_ONCE];
};

/* What ends one flow waits for memory three times: for its rest, for its place in the index, for the ring. */
static void endings_end(struct flow_table *table, struct endings *endings)
{
    for (uint32_t i = 0; i < endings->count; i++)
        flow_fetch_place(table, endings->at[i].slot);
    for (uint32_t i = 0; i < endings->count; i++)
        flow_end(table, endings->at[i].slot, endings->at[i].reason, false);
    endings->count = 0;
}

static void endings_add(struct flow_table *table, struct endings *endings, uint32_t slot, uint8_t reason)
{
    flow_fetch_rest(table, slot, endings->count);
    endings->at[endings->count].slot = slot;
    endings->at[endings->count++].reason = reason;
    if (endings->count == ENDINGS_AT_ONCE)
        endings_end(table, endings);
}

static void sweep_slots(struct flow_table *table, uint64_t now, uint32_t steps)
{
    struct endings endings;

    endings.count = 0;
    for (uint32_t i = 0; i < steps; i++) {
        const struct xtop_slot *slot = &table->slot[table->hand];
        uint8_t reason;

        __builtin_prefetch(slot + SWEEP_AHEAD, 0, 3); /* of the last slots: something else, and no harm */
        if (slot_is_live(slot)) {
            reason = flow_due(table, table->hand, now);
            if (unlikely(table->boxes != NULL))
                reason = due_of_all(table, table->hand, now, reason);
            if (unlikely(reason != XTOP_END_NONE))
                endings_add(table, &endings, table->hand, reason);
        }
        table->hand = table->hand + 1 < table->fresh ? table->hand + 1 : 1;
    }
    endings_end(table, &endings);
}

/* ns for a whole turn. Where half of the table is taken, flows that are over would take the place of others. */
static uint64_t hand_turn(const struct flow_table *table)
{
    return table->unhurried && table->fresh <= table->shard->record_capacity / 2
               ? FLOW_TABLE_UNHURRIED * FLOW_TABLE_TURN
               : FLOW_TABLE_TURN;
}

void flow_table_sweep(struct flow_table *table, uint64_t now)
{
    const uint64_t turn = hand_turn(table);
    uint32_t used = table->fresh - 1;
    uint64_t passed;

    if (unlikely(table->counts->flows_created - table->counts->flows_ended > table->crowd))
        flow_table_grow(table); /* here, where no look-up is on its way */
    if (unlikely(table->boxes != NULL) && flow_letters_wait(table))
        letters_open(table);
    if (unlikely(now < table->hand_time))
        table->hand_time = now; /* a file whose time goes backwards */
    passed = now - table->hand_time;
    if (passed > turn)
        passed = turn;
    if (passed * used < turn)
        return; /* less than one slot's time */
    table->hand_time = now;
    sweep_slots(table, now, (uint32_t)(passed * used / turn));
}

void flow_table_sweep_all(struct flow_table *table, uint64_t now)
{
    if (table->boxes && flow_letters_wait(table))
        letters_open(table);
    sweep_slots(table, now, table->fresh - 1);
    table->hand_time = now;
}
