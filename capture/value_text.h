/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single values as text. Each function writes at `to`, without a 0 behind, and returns the end of what it wrote; none
 * writes more than VALUE_TEXT_MAX bytes.
 */
#ifndef XTOP_VALUE_TEXT_H
#define XTOP_VALUE_TEXT_H

#include <stdint.h>

#define VALUE_TEXT_MAX 64

/* Decimal. */
char *text_u64(char *to, uint64_t value);

/* As Python's repr() has it: the shortest text that reads back as `value`. What is not finite is written as 0.0. */
char *text_double(char *to, double value);

/* `value`, which is 0 or more, to four decimals; as Python's repr() has the nearest number of so many. */
char *text_rounded(char *to, double value);

/* `time` in ns since the epoch, as 2026-01-31T12:00:00.123456789Z. */
char *text_time(char *to, uint64_t time);

/* `packed` in network order; RFC 5952 for version 6, dotted for any other. */
char *text_address(char *to, uint32_t ip_version, const uint8_t packed[16]);

/* A letter for each TCP flag that is set, bit 8 first: NCEUAPRSF. */
char *text_tcp_flags(char *to, uint32_t flags);

#endif
