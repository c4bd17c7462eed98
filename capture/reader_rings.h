/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows that several queues have parts of, in a look that goes through 64 slots at a time (reader_slots.h). Whether one has to be
 * looked at is known when all queues' slots are: those whose parts all stood still have no rate, and are what was counted of
 * them. Nobody but reader_scan.c includes this.
 */
#ifndef XTOP_READER_RINGS_H
#define XTOP_READER_RINGS_H

#include "capture/reader_flow.h"

/*
 * Of 64 slots those of such flows, a bit each. Flows of those that moved are noted, to be looked at; rates of those that did not
 * are 0 now.
 */
uint64_t rings_look(struct scan *scan, struct reader_place first, uint64_t moved);

/* Of flows, a bit each, those of which nothing has ended that may wait in the reunion: their totals tell where they stand. */
uint64_t slots_whole(const struct scan *scan, struct reader_place first, uint64_t slots);

/* Looks at the flows that were noted, and at others where rates do not tell where they stand. All queues' slots were looked at. */
void rings_finish(struct scan *scan);

#endif
