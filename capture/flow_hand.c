/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock hand of a shard: goes round its slots and ends what is due. */
#include "capture/flow_life.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* Slots between the clock hand and the one that is fetched for it: a few bursts' time. */
#define SWEEP_AHEAD 24

static void sweep_slots(struct flow_table *table, uint64_t now, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        const struct xtop_slot *slot = &table->slot[table->hand];
        uint8_t reason;

        __builtin_prefetch(slot + SWEEP_AHEAD, 0, 3); /* of the last slots: something else, and no harm */
        if (slot_is_live(slot)) {
            reason = flow_due(table, table->hand, now);
            if (unlikely(reason != XTOP_END_NONE))
                flow_end(table, table->hand, reason);
        }
        table->hand = table->hand + 1 < table->fresh ? table->hand + 1 : 1;
    }
}

void flow_table_sweep(struct flow_table *table, uint64_t now)
{
    uint32_t used = table->fresh - 1;
    uint64_t passed;

    if (unlikely(now < table->hand_time))
        table->hand_time = now; /* a file whose time goes backwards */
    passed = now - table->hand_time;
    if (passed > FLOW_TABLE_TURN)
        passed = FLOW_TABLE_TURN;
    if (passed * used < FLOW_TABLE_TURN)
        return; /* less than one slot's time */
    table->hand_time = now;
    sweep_slots(table, now, (uint32_t)(passed * used / FLOW_TABLE_TURN));
}

void flow_table_sweep_all(struct flow_table *table, uint64_t now)
{
    sweep_slots(table, now, table->fresh - 1);
    table->hand_time = now;
}
