/* SPDX-License-Identifier: BSD-2-Clause */
/* Few packets are fragments: what is noted of them is compiled apart, out of the plain packets' way. */
#ifndef XTOP_PARSE_FRAGMENT_H
#define XTOP_PARSE_FRAGMENT_H

#include <stdint.h>

#include "capture/parse.h"

/* Leaves word where a fragment's headers are; an atomic fragment (RFC 6946) is a whole packet and none of ours. */
void parse_note_fragment(const uint8_t *frame, const uint8_t *ip, const uint8_t *header, struct packet *packet);

/* `fragment` is the word of flags and offset, of which more is set than "don't fragment". */
void parse_note_ipv4_fragment(const uint8_t *frame, const uint8_t *ip, uint16_t fragment, struct packet *packet);

#endif
