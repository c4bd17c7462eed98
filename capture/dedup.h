/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A SPAN port that mirrors both directions, or several ports, delivers frames twice. --dedup drops the second of two
 * frames that are the same byte for byte (as editcap -d tells them) within a window of time. Bounded: a set of the
 * table forgets its oldest frame. Two frames are the same when a keyed hash of 64 bits says so.
 *
 * Frames that a router or a switch changed on the way (MAC addresses, VLAN tag, TTL) are not the same. IPv6 and UDP over
 * IPv4 without identification can repeat a frame for good: keep the window short.
 */
#ifndef XTOP_DEDUP_H
#define XTOP_DEDUP_H

#include <stdint.h>

#include "capture/source.h"

struct dedup;

/* NULL with errno: no address space. `window` in ns; memory comes as frames come. */
struct dedup *dedup_open(uint32_t seed, uint64_t window);
void dedup_close(struct dedup *dedup);

/*
 * Moves the first `count` frames of `burst` that were not seen within the window to the front, in their order, the others
 * behind them, and returns how many were not. Frames without a time of their own came at `now`, ns.
 */
uint32_t dedup_partition(struct dedup *dedup, struct burst *burst, uint32_t count, uint64_t now);

#endif
