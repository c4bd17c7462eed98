/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums of flows by group that stand from look to look: a look that is kept tells them of flows that moved, came or went, and
 * a million that stood still cost nothing. What a flow has brought to its group is not kept here: it is what the look before
 * kept of the flow (reader_gain.h), so whoever overwrites that tells the sums first. They have packets, bytes and flows, of
 * which that is so; payload, times and the like are read for the groups that are shown (reader_details.h).
 *
 * Of a flow that several queues have parts of each part brings what is kept of its slot, to the groups of the whole flow, and
 * one of them counts it. What of it has ended in another queue, and is kept of no slot, is lent from look to look.
 */
#ifndef XTOP_READER_SUMS_H
#define XTOP_READER_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"
#include "capture/group_index.h"
#include "capture/reader_details.h"
#include "capture/reader_gain.h"
#include "capture/reader_group.h"
#include "capture/reader_rank.h"

/* A longer interval might bring one group more packets than rate_packets has room for, at 71 Mpps. */
#define SUMS_INTERVAL_MOST UINT64_C(60000000000)

/* A group, by direction as in reader_group.h; a line. */
struct group_sum {
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t rate_bytes[2]; /* of look number `look`; in later ones there is none */
    uint32_t rate_packets[2];
    uint32_t shares; /* flows, or parts of them; 0: nobody's room */
    uint32_t look;   /* of nobody's room: the next such; 0 = there are no more */
};

_Static_assert(sizeof(struct group_sum) == 64, "what comes to a group touches a line");

/*
 * What the flow in a slot, or the part of one, is to its group: the group's number, and above it the end whose packets are its
 * direction 0, and whether another part counts the flow. 0: nothing (yet).
 */
#define SHARE_END (UINT32_C(1) << 31)
#define SHARE_PART (UINT32_C(1) << 30)
#define SHARE_GROUP (SHARE_PART - 1)

/* Gains that wait for the lines of their sums. */
#define SUMS_WAITING 16

struct waiting_gain {
    uint32_t share;
    struct gain gain;
};

/* What was lent to a group in a look. */
struct group_loan {
    uint32_t share;
    struct gain lent;
    struct detail detail;
};

struct group_sums {
    uint32_t by; /* READER_GROUP_ */
    uint32_t seed;
    uint32_t look;
    bool whole;     /* all flows of the last look that was kept are in */
    bool broken;    /* what a flow has brought is not known any more */
    bool failed;    /* memory ran out */
    uint32_t ends;  /* shares of each slot: reader_groups_of_flow */
    uint32_t count; /* groups 1 .. count were used at least once */
    uint32_t alive; /* groups that have flows */
    uint32_t spare; /* the first of those that have none; 0 = all have some */
    uint32_t rated_count;
    uint64_t slots;                  /* that there is room for */
    uint64_t first[XTOP_MAX_QUEUES]; /* of them, of each queue */
    uint64_t room;                   /* of sum, key, rated and parts */
    struct group_sum *sum;           /* by number; 0 takes what comes to nobody */
    struct xtop_key *key;            /* of group 1, 2 .. */
    uint32_t *rated;                 /* groups that have a rate in this look, rated_count of them */
    uint32_t *parts;                 /* by number: shares that are SHARE_PART */
    uint32_t *share;                 /* by slot, `ends` each */
    struct group_loan *loan;
    uint64_t loan_count, loan_room;
    struct group_index index;
    uint32_t waited;
    struct waiting_gain waiting[SUMS_WAITING];
};

/* NULL: no memory. */
struct group_sums *group_sums_open(void);

/*
 * Begins a look that is kept at flows in slots 0 .. slots[queue] - 1 of so many queues. Sums of another kind are forgotten. False:
 * no memory.
 */
bool group_sums_begin(struct group_sums *sums, uint32_t by, uint32_t seed, const uint32_t *slots, uint32_t queues);

/* The number by which the others know a slot. */
static inline uint64_t group_sums_slot(const struct group_sums *sums, struct reader_place place)
{
    return sums->first[place.queue] + place.slot;
}

/* What the slot is to its groups will be asked. */
static inline __attribute__((always_inline)) void group_sums_fetch(const struct group_sums *sums, uint64_t slot)
{
    __builtin_prefetch(&sums->share[slot * sums->ends]);
}

/* Adds to the totals of a sum. */
static inline void group_sum_add(struct group_sum *sum, uint32_t share, const struct gain *brought)
{
    for (uint32_t to = 0; to < 2; to++) {
        sum->packets[to] += brought->packets[to ^ share >> 31];
        sum->bytes[to] += brought->bytes[to ^ share >> 31];
    }
}

/* Adds to the rates of a sum that has flows; it is returned. */
static inline struct group_sum *group_sum_rate(struct group_sums *sums, uint32_t share, const struct gain *gain)
{
    uint32_t number = share & SHARE_GROUP;
    struct group_sum *sum = &sums->sum[number];

    if (sum->look != sums->look) {
        memset(sum->rate_bytes, 0, sizeof sum->rate_bytes);
        memset(sum->rate_packets, 0, sizeof sum->rate_packets);
        sum->look = sums->look;
        sums->rated[sums->rated_count++] = number;
    }
    for (uint32_t to = 0; to < 2; to++) {
        sum->rate_packets[to] += (uint32_t)gain->packets[to ^ share >> 31];
        sum->rate_bytes[to] += gain->bytes[to ^ share >> 31];
    }
    return sum;
}

/* The same, and to its totals. */
static inline void group_sum_gain(struct group_sums *sums, uint32_t share, const struct gain *gain)
{
    group_sum_add(group_sum_rate(sums, share, gain), share, gain);
}

/* Tells of a flow, known to the sums, that was added to and is otherwise what it was. */
static inline void group_sums_gain(struct group_sums *sums, uint64_t slot, const struct gain *gain)
{
    if ((gain->packets[0] | gain->packets[1]) == 0)
        return;
    for (uint32_t which = 0; which < sums->ends; which++) {
        struct waiting_gain *waiting = &sums->waiting[sums->waited++ % SUMS_WAITING];

        group_sum_gain(sums, waiting->share, &waiting->gain);
        waiting->share = sums->share[slot * sums->ends + which];
        waiting->gain = *gain;
        __builtin_prefetch(&sums->sum[waiting->share & SHARE_GROUP], 1);
    }
}

/*
 * Tells of the flow in a slot, all of it, whatever became of it since `previous`: of `record`, totals, key and who began it are
 * known.
 */
void group_sums_keep(struct group_sums *sums, uint64_t slot, const struct previous *previous,
                     const struct xtop_record *record, const struct gain *gain);

/* Tells that the slot is free, or that what it has is told of anew. */
void group_sums_forget(struct group_sums *sums, uint64_t slot, const struct previous *previous);

/*
 * Tells of the flow `flow`, of which key and who began it are known, that the slot, which has brought nothing yet, has a part of
 * it, or all. It `brings` as much, and is kept so; it `counts` the flow, or another does.
 */
void group_sums_enter(struct group_sums *sums, uint64_t slot, const struct xtop_record *flow, const struct gain *brings,
                      const struct gain *gain, bool counts);

/* Adds to the totals of the flow's groups until the next look begins, and to their details if they are asked for. */
void group_sums_lend(struct group_sums *sums, const struct xtop_record *flow, const struct gain *lent,
                     const struct detail *detail);

/* Ends the look: all flows were told of. False: memory ran out. */
bool group_sums_end(struct group_sums *sums);

/* The number of a group that there is. */
uint32_t group_sums_number(const struct group_sums *sums, const struct xtop_key *key);

/* Offers each group to `ranking`. */
void group_sums_rank(const struct group_sums *sums, struct ranking *ranking);

/* Forgets all, and gives the memory back. */
void group_sums_free(struct group_sums *sums);

/* The same, for good; NULL is nothing. */
void group_sums_close(struct group_sums *sums);

#endif
