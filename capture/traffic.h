/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What xtop-traffic was asked to send, and the clock and the end that its two jobs share.
 */
#ifndef XTOP_TRAFFIC_H
#define XTOP_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/failure.h"
#include "capture/traffic_sender.h"

#define TRAFFIC_LANES 64

struct traffic_options {
    const char *interface;
    int netns_fd;           /* enter this network namespace first; -1 = stay */
    int cpu[TRAFFIC_LANES]; /* CPUs to send from; exact: the first */
    uint32_t cpu_count;
    bool demo;
    uint64_t frames;   /* exact */
    uint32_t flows;    /* exact: how many; demo: live at a time, 0 = its own default */
    uint32_t size;     /* exact: bytes of a frame without FCS */
    uint32_t rate;     /* frames a second; 0 = exact: as fast as it goes */
    uint64_t seed;     /* demo */
    double duration_s; /* 0 = until stopped */
};

/* True when a signal, the end of the parent or the end of standard input asks to stop. Waits `wait_ms` for it. */
bool traffic_stopped(int wait_ms);

/* Seconds on the monotonic clock. */
double traffic_now(void);

/* The result, one JSON line on standard output. */
void traffic_print(uint64_t sent, double seconds);

/* Moves this thread to `cpu`. */
int traffic_pin(int cpu, struct failure *failure);

/* The lively mix, until stopped; sender is open for replay. Returns 0, or -1 with `failure`. */
int traffic_demo_run(struct traffic_sender *sender, const struct traffic_options *options, struct failure *failure);

#endif
