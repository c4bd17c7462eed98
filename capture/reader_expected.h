/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of a capture's ended flows, those that one view shows, which is known beforehand: of a file that ends a million flows `--top
 * 10` keeps ten, and not a million until they are ranked.
 */
#ifndef XTOP_READER_EXPECTED_H
#define XTOP_READER_EXPECTED_H

#include <stdbool.h>

#include "capture/reader_scan.h"

/* Ranks and counts what the reader's store holds, which is empty then. False: no memory. */
bool expected_settle(struct expected *expected);

/* Gives `look`, which is of that view, all that was settled. */
void expected_join(const struct expected *expected, struct look *look);

void expected_close(struct expected *expected);

#endif
