/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XTOP_PARSE_OPTIONS_H
#define XTOP_PARSE_OPTIONS_H

#include <stdint.h>

/*
 * The options of IPv4 (RFC 791) and of TCP (RFC 9293 section 3.2) are listed alike: 0 ends the list, 1 stands alone, all
 * others bring their length. One bit for each number seen, `numbered` being the bits of the type that are the number;
 * those from 64 on have none. A broken list ends the walk, not the packet.
 */
uint64_t parse_options(const uint8_t *at, const uint8_t *end, uint8_t numbered);

#endif
