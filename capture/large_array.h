/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays of many megabytes, in huge pages where there are any and they are not few. What was never written is zero and costs
 * nothing; they grow by moving, and what is given back the kernel has at once, which free(3) promises of no size.
 */
#ifndef XTOP_LARGE_ARRAY_H
#define XTOP_LARGE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * `array` of `from` bytes (NULL of 0: none yet) with room for `to`, at another address perhaps. NULL: no memory, and it stands
 * where it stood.
 */
void *large_array_grow(void *array, uint64_t from, uint64_t to);

/* One of several that grow together: room for `to` bytes instead of `from`. */
struct large_array {
    void *at; /* NULL: `from` is 0 */
    uint64_t from, to;
};

/*
 * All of them grow, or none does: false, no memory. Where they are now stands in `at` either way; one that has moved and not grown
 * has what it had.
 */
bool large_arrays_grow(struct large_array *arrays, size_t count);

/* Gives one of `size` bytes back; NULL is nothing. */
void large_array_free(void *array, uint64_t size);

#endif
