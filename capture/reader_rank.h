/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wanted rows in order. They are kept in a heap whose root is the last of them, so that a million rows cost a
 * comparison each, and only the few that enter the heap cost more. Knows rows alone: neither segment nor reader.
 */
#ifndef XTOP_READER_RANK_H
#define XTOP_READER_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/reader.h"

struct rank; /* a row's place in the order */

struct ranking {
    uint32_t sort; /* READER_SORT_ */
    bool descending;
    bool failed;  /* memory ran out */
    uint64_t top; /* rows wanted; 0 = all */
    uint64_t offered;
    uint64_t count;
    struct reader_row *row; /* in order after ranking_finish; the caller gives them back by free(3) */
    struct rank *rank;
    uint64_t room; /* of row and rank */
};

/* Copies `row` if it is among the wanted so far. */
void ranking_offer(struct ranking *ranking, const struct reader_row *row);

/* The same for each direction of `row` that has packets, as a row of its own whose initiator is its sender. */
void ranking_offer_directions(struct ranking *ranking, const struct reader_row *row);

/* Whether where a row stands is told by its flow's packets, bytes and rates, and only where those are equal by its key. */
bool ranking_by_totals(const struct ranking *ranking);

/*
 * Where such a row would stand, of which nothing but these is filled in: positive behind the last of the wanted, which
 * has no room for it; 0: its key decides; negative: it is wanted.
 */
int ranking_place(const struct ranking *ranking, const struct reader_row *row);

/* Whether its key, filled in as well, puts a row behind the last of the wanted when ranking_place says 0. */
bool ranking_key_behind(const struct ranking *ranking, const struct reader_row *row);

/*
 * Rows by totals, the greatest first: what has a smaller rate than this, or the same and a smaller total, or the same and a
 * key that begins with a greater number, stands behind the wanted. Where rates do not count they are 0. It never falls.
 */
struct least {
    uint64_t rate;
    uint64_t total;
    uint32_t key_begin;
    bool by_rate;
    bool bytes; /* both are of bytes; else of packets */
};

struct least ranking_least(const struct ranking *ranking);

/* Whether a row of such a rate and total stands behind, whatever its key. */
static inline bool least_is_before(const struct least *least, uint64_t rate, uint64_t total)
{
    return rate < least->rate || (rate == least->rate && total < least->total);
}

/* Counts rows that need not be offered, for they stand behind the wanted. */
static inline void ranking_pass(struct ranking *ranking, uint64_t count)
{
    ranking->offered += count;
}

/* Offers what `from` was offered. Both are asked for the same rows, and neither is finished. */
void ranking_add(struct ranking *ranking, const struct ranking *from);

/* The same, and gives the rows of `from` back. */
void ranking_join(struct ranking *ranking, struct ranking *from);

/* Gives back what a ranking holds that is not finished. */
void ranking_free(struct ranking *ranking);

/* Puts the rows in order and fills in their flow_id. Afterwards row, count and offered stand; no other field does. */
void ranking_finish(struct ranking *ranking);

#endif
