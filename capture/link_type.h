/* SPDX-License-Identifier: BSD-2-Clause */
/* Between libpcap's link types (DLT_) and those that the parser knows. */
#ifndef XTOP_LINK_TYPE_H
#define XTOP_LINK_TYPE_H

#include <stdbool.h>

#include "capture/parse.h"

/* What the parser is told of frames of libpcap's `datalink`; false where it knows none such. */
bool link_type_of(int datalink, enum link_type *link);

#endif
