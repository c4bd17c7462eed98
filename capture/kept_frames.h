/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames that the XDP program left to the host, as a source's frames: the heads that it put into its ring buffer.
 * Used by one worker; see bpf/xsk_redirect.bpf.c.
 */
#ifndef XTOP_KEPT_FRAMES_H
#define XTOP_KEPT_FRAMES_H

#include "bpf/kept_frame.h"
#include "capture/source.h"

struct kept_frames;

/* Opens the ring buffer behind `map_fd`. Returns NULL with *error = -errno; kept_frames_close() afterwards. */
struct kept_frames *kept_frames_open(int map_fd, int *error);

/* To poll(2) for POLLIN. */
int kept_frames_fd(const struct kept_frames *kept);

/* Fills `burst` with what there is, up to its size; the frames stay readable until the next call. */
void kept_frames_take(struct kept_frames *kept, struct burst *burst);

/* NULL is allowed. */
void kept_frames_close(struct kept_frames *kept);

#endif
