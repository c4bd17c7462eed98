/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/process_heap.h"

#include <malloc.h>

#define BLOCK (64 << 10)

void process_heap_give_back(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK);
#endif
}
