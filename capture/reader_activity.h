/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts that stand out among all live flows: the one with the greatest rate, and those that began flows to many hosts
 * or ports. Two looks find them in bounded memory, however many hosts there are:
 *
 *   the first adds every host up in the bucket that its address hashes to, rates and flows begun each on their own;
 *   the second tells apart, by address, the hosts of the few buckets that hold most.
 *
 * A host with a share s of all rate (both ends count, so all hosts together have twice the throughput) is found for
 * certain where fewer than ACTIVITY_CANDIDATES buckets can hold as much, which is down to s = 1/32.
 *
 * How many hosts and ports one reaches is estimated: a bit of ACTIVITY_BITS is set for each (linear counting).
 */
#ifndef XTOP_READER_ACTIVITY_H
#define XTOP_READER_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/reader.h"

#define ACTIVITY_BUCKETS 65536u
#define ACTIVITY_CANDIDATES 64u
#define ACTIVITY_HOSTS 2048u /* told apart in the second look; further ones are left out */

struct reader_activity;

/* Begins a look of `phase` (READER_ACTIVITY_); *activity is made at the first. False: no memory. */
bool reader_activity_begin(struct reader_activity **activity, uint32_t phase, uint32_t seed);

/* Where the ends of a flow are counted in the first look. */
struct reader_ends {
    uint16_t beginner; /* or who seems to be */
    uint16_t other;
};

/* Tells where; returns whether it is known who began the flow. All of it stays so until something new is known of it. */
bool reader_activity_ends(const struct reader_activity *activity, const struct xtop_record *record,
                          struct reader_ends *ends);

/* Of 64 flows of which that is known, a bit each, those that are to be added whole if they have a rate; in the first look none. */
uint64_t reader_activity_whole(const struct reader_activity *activity, const struct reader_ends *ends, uint64_t known);

/* Adds another of them with its rate, IP bytes of both ends. */
void reader_activity_add_ends(struct reader_activity *activity, struct reader_ends ends, bool began, uint64_t rate);

/* Adds of 64 flows that have no rate those of which it is known who began them, a bit each; returns those to be added whole. */
uint64_t reader_activity_add_still(struct reader_activity *activity, const struct reader_ends *ends, uint64_t began);

/* Adds a live flow, whole, with its rates. */
void reader_activity_add(struct reader_activity *activity, const struct reader_row *flow);

/* Ends the look. */
void reader_activity_finish(struct reader_activity *activity);

/*
 * The hosts that the last second look found: at *hosts the one with the greatest rate (where there is a rate), then up
 * to `room` - 1 that began flows, most flows first. Returns how many there are; 0 while nothing was found.
 */
uint32_t reader_activity_hosts(const struct reader_activity *activity, struct reader_host *hosts, uint32_t room);

/* Gives it back; NULL is nothing. */
void reader_activity_free(struct reader_activity *activity);

#endif
