/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bench's frames: made or read from a file, all in memory before a clock starts.
 */
#ifndef XTOP_BENCH_FRAMES_H
#define XTOP_BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/bench.h"
#include "capture/failure.h"
#include "capture/parse.h"

#define BENCH_FRAME_MIN 60
#define BENCH_FRAME_MIN_IPV6 62u

/* As large as the descriptor of an AF_XDP ring. */
struct bench_frame {
    uint64_t at; /* offset into data */
    uint32_t captured;
    uint32_t length;
};

struct bench_frames {
    uint8_t *data;
    size_t room; /* bytes at `data` */
    struct bench_frame *frame;
    uint32_t count;
    uint32_t new_flows; /* flows of the frames beyond options.flows */
    uint64_t bytes;     /* of all frames on the wire */
    enum link_type link;
};

/* UDP frames over options->flows flows. Returns 0, or -1 with `failure`. */
int bench_frames_make(struct bench_frames *frames, const struct bench_options *options, struct failure *failure);

/* The frames of a pcap or pcapng file. Returns 0, or -1 with `failure`. */
int bench_frames_read(struct bench_frames *frames, const char *path, struct failure *failure);

void bench_frames_free(struct bench_frames *frames);

/* One frame of `size` bytes at `at`: what end 0 of flow number `flow` sends, or end 1. */
void bench_frame_write(uint8_t *at, uint32_t size, uint32_t flow, uint32_t end, bool ipv6);

#endif
