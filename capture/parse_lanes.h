/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eight frames at once, where the CPU can (AVX2): those of them that are Ethernet with at most one 802.1Q tag, IPv4
 * without options that is no fragment or IPv6 without extension headers, TCP (with no options or with time stamps alone)
 * or UDP (to no port that a tunnel uses). Each such frame's packet is filled exactly as parse_frame does it; tests/native/test_parse_lanes.c and the fuzzer
 * hold the two against each other.
 *
 * DESIGN
 *   A header's words are turned into lanes, word n of all eight frames in one vector, so each step of the parser is one
 *   instruction for eight packets and none is a branch; then the packets' words are turned back. Whatever is not so
 *   plain is told by lane, and looked at again by parse_fast and parse_frame. So are, of eight frames, those of the other
 *   version of IP.
 *
 *   Packets are written in stores no narrower than what the next stage loads: a load that a few younger, narrower stores
 *   have to serve waits for all of them to reach the cache.
 */
#ifndef XTOP_PARSE_LANES_H
#define XTOP_PARSE_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "capture/parse.h"
#include "capture/source.h"

#define PARSE_LANES 8
#define PARSE_LANES_ALL ((1u << PARSE_LANES) - 1) /* of parse_lanes: all are filled */

/*
 * Reads frame[0 .. PARSE_LANES), the link being LINK_ETHERNET, into packets that lie `stride` bytes apart. Bit i of the
 * result: packet i is filled, and the result is PARSE_FLOW. The other packets are undefined.
 */
uint32_t parse_lanes(const struct frame *frame, struct packet *first, size_t stride);

#endif
