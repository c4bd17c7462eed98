/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timed runs. Every packet goes through worker_count_burst, as in live capture, with the clock, the sweep and the
 * publication of each burst.
 */
#ifndef XTOP_BENCH_RUN_H
#define XTOP_BENCH_RUN_H

#include "capture/bench.h"
#include "capture/bench_frames.h"
#include "capture/failure.h"

/* Returns 0, or -1 with `failure`. */
int bench_run(struct bench_result *result, const struct bench_options *options, const struct bench_frames *frames,
              struct failure *failure);

#endif
