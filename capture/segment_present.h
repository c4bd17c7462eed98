/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the segment that is made present before it is used, as huge pages where the kernel has them. */
#ifndef XTOP_SEGMENT_PRESENT_H
#define XTOP_SEGMENT_PRESENT_H

#include <stdint.h>

#include "capture/flow_abi.h"

/* Makes the windows present that hold bytes `from` .. `to` of the segment. What is in them stays. */
void segment_present(const struct xtop_header *header, uint64_t from, uint64_t to);

#endif
