/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files of which libpcap reads no more: it says so as it says that a file is damaged, in words alone. */
#ifndef XTOP_LIBPCAP_LIMIT_H
#define XTOP_LIBPCAP_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/failure.h"

/* Fills `failure` for a file that libpcap stopped reading after so many packets, with the words `why`; false where it is damaged. */
bool libpcap_limit_tell(struct failure *failure, const char *name, uint64_t packets, const char *why);

#endif
