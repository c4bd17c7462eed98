/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One capture: its sources, the segment they fill and the workers between them. Used by the main thread alone.
 */
#ifndef XTOP_CAPTURE_H
#define XTOP_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/options.h"
#include "capture/parting.h"
#include "capture/segment.h"
#include "capture/source_set.h"
#include "capture/stocker.h"
#include "capture/worker.h"

struct capture {
    const struct options *options;
    struct source_set sources;
    struct segment segment;
    struct worker_shared shared;
    struct flow_taps taps;
    struct stocker stocker; /* interfaces only: else without a header */
    struct parting parting; /* interfaces only */
    struct worker worker[XTOP_MAX_QUEUES];
    struct worker_queue *queue; /* sources.queue_count of them */
    uint32_t worker_count;
    uint32_t finished;
};

/* Opens the sources, makes the segment and starts the workers. Returns 0, or -1 with `failure` and nothing left. */
int capture_start(struct capture *capture, const struct options *options, struct failure *failure);

/* Readable when a worker has returned: then call capture_note_finished. */
int capture_event_fd(const struct capture *capture);

/* True when all workers have returned by themselves (end of file, interface gone). */
bool capture_note_finished(struct capture *capture);

/* Sets the tap of `whose`, a control socket, on a flow; the frames go to `fd`, which is closed by the tap. */
void capture_tap(struct capture *capture, int whose, int fd, const struct xtop_key *key,
                 const struct tap_bounds *bounds);

/* Reads what drivers lost and what became of links into the header, and ends taps whose time has come. */
void capture_refresh(struct capture *capture);

/* Stops the workers, waits for them and makes the figures final. Idempotent. */
void capture_stop(struct capture *capture);

/* The failure of a queue, or NULL. After capture_stop. */
const struct failure *capture_failure(const struct capture *capture);

/* CPU time of all workers together, ns. After capture_stop. */
uint64_t capture_cpu_ns(const struct capture *capture);

/* Lets go of sources and segment. After capture_stop. */
void capture_close(struct capture *capture);

#endif
