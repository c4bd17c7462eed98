/* SPDX-License-Identifier: BSD-2-Clause */
/* What the segment's header says of a capture: what is watched, how, since when. */
#ifndef XTOP_CAPTURE_HEADER_H
#define XTOP_CAPTURE_HEADER_H

#include <stdint.h>

#include "capture/flow_abi.h"
#include "capture/source_set.h"

/* Fills it when the sources are attached; `clock_base` is in ns, as in flow_abi.h. */
void capture_header_fill(struct xtop_header *header, const struct source_set *sources, uint64_t clock_base);

#endif
