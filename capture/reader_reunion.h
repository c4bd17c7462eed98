/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ended flows of a capture with several queues, made whole. Where the packets of a flow come over more than one queue,
 * each ends what it saw of the flow by itself; these pieces become one flow again before anybody is told of its end, as
 * one queue would have had it. capture/reader_kin.c finds those that live.
 *
 * DESIGN
 *
 *   rings of all queues ──► due ──► a piece of it lives? no ──► alone ──► and none has ended meanwhile ──► ready
 *                            ▲                    │ yes
 *                            └── another piece ── waiting
 *
 *   A queue marks a flow as ending, puts it into its ring, and only then takes it out of its index. So who does not find
 *   a key in any index, and then reads the rings to their ends, has all pieces that there are; and one that is found
 *   alive and unmarked comes by its ring later. A marked one may have come already: the flow is looked at again by the
 *   next call. A flow of one piece, as nearly all are where RSS is symmetric, is ready within the same call.
 *
 *   What waits is bounded: by REUNION_MOST flows, of which then the oldest is told of as it is, and in time by the active
 *   timeout, which ends the living piece. Pieces are never dropped, and none is told of twice.
 */
#ifndef XTOP_READER_REUNION_H
#define XTOP_READER_REUNION_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/reader.h"

#define REUNION_MOST 65536u

struct reunion;

/* NULL: there is no memory. */
struct reunion *reunion_open(void);
void reunion_close(struct reunion *reunion);

/* reader_take_ended, reader_collect's part after `keep` was seen to: whole flows, `room` at most. */
uint64_t reunion_take(struct reader *reader, struct xtop_record *to, uint64_t room);

/* Whether anything may wait at all. */
bool reunion_holds(const struct reunion *reunion);

/* Whether what has ended of a living flow of this hash may wait for it. */
bool reunion_awaits(const struct reunion *reunion, uint32_t hash);

/* Adds to the row of a living flow what of it has ended and waits for it. */
void reunion_complete(const struct reader *reader, struct reader_row *row);

#endif
