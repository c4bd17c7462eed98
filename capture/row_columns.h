/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of a moment told by those of the moment before: what is left to say of a flow that was among them fits a few bytes,
 * and most of the rest is zero, for a general compressor to take away.
 *
 *   places                which row before is the same flow, as the distance from where it is looked for first
 *   octet 0 of every row  \
 *   octet 1 of every row   } of the differences, field by field; what a row's other fields foretell differs by 0:
 *   ...                   /  packets are the sum of sizes, rates what totals grew by, payload is bytes less usual headers, and
 *                            the id is by the key
 *
 * Times of last packets are told from the latest of them.
 */
#ifndef XTOP_ROW_COLUMNS_H
#define XTOP_ROW_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "capture/reader.h"

/* cdef begin */
/* Bytes that `count` rows take as columns; of more than 32,767 rows there are none. */
size_t row_columns_size(uint64_t count);

/*
 * Writes `count` rows as columns; before_count 0: by nothing before. What of a row is for the capture and readers alone
 * (sequence, generation, tcp_next, where bytes are counted) is set to 0 in `row` itself, and so is entropy where
 * `entropies` says that it was not reckoned.
 */
void row_columns_write(struct reader_row *row, uint64_t count, const struct reader_row *before, uint64_t before_count,
                       int entropies, uint8_t *columns);

/* The other way round, with the same `before`. */
void row_columns_read(const uint8_t *columns, uint64_t count, const struct reader_row *before, uint64_t before_count,
                      struct reader_row *row);
/* cdef end */

#endif
