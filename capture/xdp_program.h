/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP program bpf/xsk_redirect.bpf.c: loaded, attached to one interface, its map filled. It is attached by a
 * bpf_link, whose only holder is this process: when the process dies, of kill -9 too, the kernel takes it off.
 */
#ifndef XTOP_XDP_PROGRAM_H
#define XTOP_XDP_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/sampling.h"
#include "capture/options.h"

struct xsk_redirect;

struct xdp_program {
    struct xsk_redirect *skeleton; /* NULL = not loaded */
    int program_fd;
    int link_fd;   /* -1 = not attached */
    uint32_t mode; /* XTOP_XDP_: how it is attached */
    uint32_t cpus; /* possible ones, asked while files may be read */
};

/*
 * Loads the program; `fragments` chooses the one that bears multi-buffer frames (kernel 5.18, else -EINVAL),
 * `keep_host` whether frames that the host needs go on to it, `sampling` which frames are taken at all. Returns 0, or -errno. xdp_program_unload() afterwards.
 */
int xdp_program_load(struct xdp_program *program, bool fragments, bool keep_host, struct sampling sampling);

/* Frames to these addresses go on to the host from now on; `mac` as in kept_frame.h, KEPT_FRAME_MACS at most. */
void xdp_program_set_host(struct xdp_program *program, const uint64_t *mac, uint32_t count);

/* The ring buffer with the frames that were kept, and how many did not fit into it. */
int xdp_program_kept_fd(const struct xdp_program *program);
uint64_t xdp_program_kept_lost(const struct xdp_program *program);

/* How many frames passed on to the host that its stack may have dropped for want of anybody who listens (LLDP). */
uint64_t xdp_program_kept_unheard(const struct xdp_program *program);

/* What was left out of the sample of RX queue `queue` since the start, all CPUs together. Returns 0, or -errno. */
int xdp_program_sampled_out(const struct xdp_program *program, uint32_t queue, struct sampling_state *sum);

/* Attaches it to `ifindex` in `mode`, XTOP_XDP_GENERIC or XTOP_XDP_NATIVE. Returns 0, or -errno. */
int xdp_program_attach(struct xdp_program *program, uint32_t ifindex, uint32_t mode);

/* Frames of RX queue `queue` go to the bound AF_XDP socket from now on. Returns 0, or -errno. */
int xdp_program_redirect(struct xdp_program *program, uint32_t queue, int socket_fd);

/* Takes the program off the interface; nothing to do when it is not on. */
void xdp_program_detach(struct xdp_program *program);

/* Detaches, and gives the program and its map back to the kernel. */
void xdp_program_unload(struct xdp_program *program);

/* Name of the loaded program `id` of anybody, or "?" where the right to ask (CAP_SYS_ADMIN) is missing. */
void xdp_program_name(uint32_t id, char *name, size_t size);

#endif
