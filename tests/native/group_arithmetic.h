/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups, as one reader has them, against arithmetic over all rows of another, flow by flow and group by group. */
#ifndef XTOP_GROUP_ARITHMETIC_H
#define XTOP_GROUP_ARITHMETIC_H

#include <stdbool.h>

#include "capture/reader.h"

/* Two readers of one segment. */
struct looks {
    struct reader *few;   /* asked for few rows */
    struct reader *whole; /* asked for all, so that every record is copied */
};

/* One look of both. The few groups that are shown are the first of all, and right; `thoroughly`: and so are the others. */
void assert_groups(const struct looks *looks, struct reader_view view, bool thoroughly);

#endif
