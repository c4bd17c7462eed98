/* SPDX-License-Identifier: BSD-2-Clause */
/* How malloc(3) keeps what the process gives back. */
#ifndef XTOP_PROCESS_HEAP_H
#define XTOP_PROCESS_HEAP_H

/* cdef begin */
/*
 * From now on the kernel has blocks of 64 KiB and more back when they are freed. Else glibc learns from the first great block that
 * is freed to keep all such, and what lives long comes to lie between them. Another C library does as it does.
 */
void process_heap_give_back(void);
/* cdef end */

#endif
