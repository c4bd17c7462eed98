/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An index that grows with its flows. An index for a million flows has a cache line for nearly each of the first
 * hundred thousand, and these do not stay in a core's second cache; one that has three flows a bucket when it doubles
 * needs a quarter of the memory, and a file of few flows touches little of it.
 *
 *   64 buckets    |aa|bb|cc|...                    home = hash * 64 >> 32
 *   128 buckets   |a |a |b |b |c |c |...           home = hash * 128 >> 32: behind, and in the same order, so the last
 *                                                  bucket goes first and none lands on one that has not gone yet
 *
 * Doubling takes some 10 ns a flow at once, which a file waits for and a link's ring does not: live capture begins with
 * the whole index. Readers look into the index of several queues alone, and a file has one.
 */
#ifndef XTOP_FLOW_GROWTH_H
#define XTOP_FLOW_GROWTH_H

#include "capture/flow_table.h"

/* Lets an empty table begin with a small index. */
void flow_table_begin_small(struct flow_table *table);

/* Doubles the index, of which not all is in use. No look-up may be between its hash and its update. */
void flow_table_grow(struct flow_table *table);

#endif
