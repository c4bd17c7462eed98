/* SPDX-License-Identifier: BSD-2-Clause */
/* Between libpcap's link types (DLT_) and those that the parser knows. */
#ifndef XTOP_LINK_TYPE_H
#define XTOP_LINK_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/parse.h"

#define LINK_TYPE_NAME 32 /* bytes that hold any name */

/* What the parser is told of frames of libpcap's `datalink`; false where it knows none such. */
bool link_type_of(int datalink, enum link_type *link);

/* Writes what libpcap calls `datalink`, or its number where it has no name, into `room` and returns that. */
const char *link_type_name(int datalink, char *room, size_t size);

#endif
