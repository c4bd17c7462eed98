/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind an option, out of its text. `name` is the option's, for the failure; a function that returns -1 has
 * filled it.
 */
#ifndef XTOP_OPTION_VALUES_H
#define XTOP_OPTION_VALUES_H

#include <stdint.h>

#include "capture/failure.h"

/* A whole number from `least` to `most`. Returns 0 or -1. */
int option_number(const char *text, uint64_t least, uint64_t most, uint64_t *number, const char *name,
                  struct failure *failure);
int option_u32(const char *text, uint32_t least, uint32_t most, uint32_t *number, const char *name,
               struct failure *failure);

/* An open file descriptor's number. Returns 0 or -1. */
int option_fd(const char *text, int *fd, const char *name, struct failure *failure);

/* Seconds, with a fraction allowed, to ns. Returns 0 or -1. */
int option_seconds(const char *text, uint64_t *ns, const char *name, struct failure *failure);

/* "0-3,6" into list[], which has room for so many, each `most` at most. Returns how many there are, or -1. */
int option_list(const char *text, int most, int *list, int room, const char *name, struct failure *failure);

#endif
