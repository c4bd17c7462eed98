/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that the kernel tells in text files, of /proc and of control groups. */
#ifndef XTOP_KERNEL_NUMBER_H
#define XTOP_KERNEL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* The number in the first line of the file that begins with `field`, behind that; false: there is none, or no such file. */
bool kernel_number(const char *path, const char *field, uint64_t *number);

#endif
