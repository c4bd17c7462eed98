/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>

#include "capture/reader_state.h"

void reader_let_go(const struct reader *reader)
{
    (void)madvise((void *)(uintptr_t)reader->header, reader->size, MADV_DONTNEED);
}
