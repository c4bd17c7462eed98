/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments joined to the flow of their first: a bounded table of one worker, which keeps counts and keys, never frames.
 *
 * DESIGN
 *   A datagram is named by source, destination, protocol and identification (RFC 791, RFC 8200 section 4.5). Only a
 *   fragment of offset 0 has ports, so nothing that another one overlaps (RFC 1858, 3128) can change them. Two of offset 0
 *   with different ports for one datagram that is not complete contradict each other: then its later fragments have
 *   ports 0 (RFC 5722 would drop them all). A complete datagram gives its name free: identifications come again.
 *
 *   A later fragment that comes before its first waits: its packet (what would be counted, 120 bytes) stands in a ring. It
 *   is given back with the first fragment's key, or with ports 0 when a second has passed, when the ring or the table needs
 *   its room, or at the end. While it waits it does not count as received, so it must not wait for long.
 */
#ifndef XTOP_FRAGMENTS_H
#define XTOP_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_table.h"

#define FRAGMENTS_TIME UINT64_C(15000000000) /* ns: so long a first fragment is remembered */
#define FRAGMENTS_WAIT UINT64_C(1000000000)  /* ns: so long a later one waits for it */

struct fragments;

/* Takes a packet that waited; `length` is its frame's. */
typedef void fragments_release(void *receiver, struct lookup *lookup, uint32_t length);

/* A table whose hash is keyed with `seed`. NULL with errno: no address space. Its memory comes as fragments come. */
struct fragments *fragments_open(uint32_t seed, fragments_release *release, void *receiver);
void fragments_close(struct fragments *fragments);

/*
 * Looks at a packet with PACKET_FRAGMENT, whose frame of `length` bytes is at `frame`. True: it is complete and goes on;
 * a later fragment has its flow's key. False: it waits, and `release` will bring a copy of it.
 */
bool fragments_place(struct fragments *fragments, const uint8_t *frame, uint32_t length, struct lookup *lookup);

/* Gives back what has waited for too long at `now`, ns; UINT64_MAX: everything. */
void fragments_expire(struct fragments *fragments, uint64_t now);

#endif
