/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames, byte for byte, and what RFCs and the contract say they are. The table is data: test_parse.c runs it.
 */
#ifndef XTOP_FRAME_CASES_H
#define XTOP_FRAME_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "capture/parse.h"

struct frame_case {
    const char *name;
    enum link_type link;
    const char *hex;
    uint32_t wire; /* length on the wire; 0 = as many bytes as `hex` has */
    enum parse_result result;
    struct packet expected; /* when result is PARSE_FLOW; tcp_sequence and size_bin too */
    uint32_t whole;         /* bytes of headers; from here on a cut changes nothing. 0 = not looked at */
};

extern const struct frame_case frame_cases[];
extern const size_t frame_case_count;

#endif
