/* SPDX-License-Identifier: BSD-2-Clause */
/* How much memory others leave: what a capture takes before there is traffic for it must not push them out. */
#ifndef XTOP_MEMORY_AVAILABLE_H
#define XTOP_MEMORY_AVAILABLE_H

#include <stdint.h>

/* The frames of one link's rings may have so much of it, and so may flows that have not come yet: one in so many bytes. */
#define MEMORY_SHARE 8

/* MemAvailable of proc_meminfo(5) or what a control group's limit leaves, bytes; UINT64_MAX where the kernel does not tell. */
uint64_t memory_available(void);

#endif
