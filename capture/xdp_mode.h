/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How source_af_xdp gets the best mode that the kernel grants: native XDP without copies, native XDP with copies, generic
 * XDP; each step down becomes a line of source->notes.
 */
#ifndef XTOP_XDP_MODE_H
#define XTOP_XDP_MODE_H

#include "capture/driver_losses.h"
#include "capture/source.h"
#include "capture/xdp_program.h"
#include "capture/xsk_queue.h"

/* source->private of source_af_xdp. */
struct af_xdp {
    struct xsk_settings settings; /* the queues point to it */
    struct xdp_program program;
    struct kept_frames *kept; /* what is left to the host, as frames; NULL = nothing is */
    int netlink_fd;
    uint32_t ifindex;
    bool had_carrier; /* before the program came */
    bool all_queues;  /* not chosen by the user */
    uint32_t looks;   /* calls of nic_dropped() */
    bool keep_host;
    uint64_t mac; /* the interface's own address, as in bpf/kept_frame.h */
    uint32_t mtu;
    uint32_t copied_frame_size; /* bytes of a UMEM chunk where frames are copied */
    bool jumbo;                 /* a frame of full MTU does not fit into a page */
    bool little_memory;         /* rings are smaller for that */
    bool little_locked;         /* because not much may be locked */
    uint64_t dropped_before;    /* the interface's counter at open */
    struct driver_losses driver_losses;
    uint64_t dropped; /* what nic_dropped() said last; never falls */
};

/*
 * Goes down the modes that `options` allow until one is granted; then the program is attached and every queue is bound.
 * All frames pass on to the host until xdp_mode_begin(). Fills xdp_mode, zero_copy, ring_size, the queues and the notes of `source`. Returns 0, or -1 with
 * `failure`; what was opened is left to xdp_mode_close_queues() and xdp_program_unload().
 */
int xdp_mode_open_best(struct source *source, const struct options *options, struct failure *failure);

/*
 * Redirects the frames of every queue to its socket; what was lost before is not counted. Returns 0, or -1 with
 * `failure`.
 */
int xdp_mode_begin(struct source *source, struct failure *failure);

/* Says that a mode cannot be had (-errno `error`), and what could. Returns -1. */
int xdp_mode_refused(struct failure *failure, const struct source *source, int error);

void xdp_mode_close_queues(struct source *source);

#endif
