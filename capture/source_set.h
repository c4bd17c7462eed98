/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sources of one capture: one for each interface, else one. Their queues follow each other, one source's after the
 * other's. What goes wrong says of which interface in failure->link.
 *
 *   source_set_open ─► a table for expected_queues ─► source_set_attach ─► workers, sandbox ─► source_set_begin
 *
 * Opening leaves traffic alone. What takes long comes between it and attaching, so that frames are counted as soon after
 * that as can be.
 */
#ifndef XTOP_SOURCE_SET_H
#define XTOP_SOURCE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame_filter.h"
#include "capture/options.h"
#include "capture/parting.h"
#include "capture/source.h"

struct source_set {
    const struct options *options;
    struct options link_options[XTOP_MAX_LINKS]; /* what each source was opened with */
    struct source source[XTOP_MAX_LINKS];
    struct frame_filter filter[XTOP_MAX_LINKS]; /* where the source does not filter by itself */
    uint32_t count;
    uint32_t expected_queues; /* of all together, before they are attached */
    uint32_t queue_count;     /* of all together, then */
};

/* Opens them all. Returns 0, or -1 with `failure` and none open. */
int source_set_open(struct source_set *set, const struct options *options, struct failure *failure);

/* Takes hold of the traffic. Returns 0, or -1 with `failure`; what is open stays so. */
int source_set_attach(struct source_set *set, struct failure *failure);

/* Lets frames come to who takes them. Returns 0, or -1 with `failure`. */
int source_set_begin(struct source_set *set, struct failure *failure);

/* Queue `number`, below queue_count. */
struct source_queue *source_set_queue(const struct source_set *set, uint32_t number);

/* The filter for frames of `queue`; NULL = every frame passes, or the source filters. */
const struct frame_filter *source_set_filter(const struct source_set *set, const struct source_queue *queue);

/* SANDBOX_ bits of all. */
uint32_t source_set_sandbox_needs(const struct source_set *set);

/* Whether any has frames; those that count in the kernel have none. */
bool source_set_has_frames(const struct source_set *set);

/* Whether any copies no packet. */
bool source_set_zero_copy(const struct source_set *set);

/* Hands `parting` what only has to be closed, and lets it begin. */
void source_set_part(struct source_set *set, struct parting *parting);

/* Lets go of the traffic. */
void source_set_detach(struct source_set *set);

/* Idempotent. */
void source_set_close(struct source_set *set);

#endif
