/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XTOP_PARSE_WALK_H
#define XTOP_PARSE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/parse.h"

/*
 * parse_frame for whatever is not plain: it begins again at the first byte. So the plain frame pays nothing for this,
 * its variables stay in registers.
 */
enum parse_result parse_encapsulated(const uint8_t *data, uint32_t captured, uint32_t length, enum link_type link,
                                     bool decap, struct packet *packet);

#endif
