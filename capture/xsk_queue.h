/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AF_XDP socket: one RX queue of one interface, its own UMEM, its RX and its fill ring (libxdp's xdp/xsk.h;
 * kernel Documentation/networking/af_xdp.rst).
 *
 *                 fill ring (ring_size)                       RX ring (ring_size)
 *   worker ──────► free frames ──────► kernel: one a packet ──────► full frames ──────► worker
 *      ▲                                                                                   │
 *      └──────────────────────── recycle ◄──────────── at most a burst in hand ◄───────────┘
 *
 * A frame is in exactly one of: fill ring, kernel, RX ring, burst, `spare`. There are ring_size + SOURCE_BURST of them:
 * what lies in the RX ring is missing in the fill ring, so more would never be used, and with a burst in hand the
 * fill ring can still be full.
 */
#ifndef XTOP_XSK_QUEUE_H
#define XTOP_XSK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef XTOP_XSK_FROM_LIBBPF /* Ubuntu 22.04: no libxdp, but a libbpf that still has the same functions */
#include <bpf/xsk.h>
#else
#include <xdp/xsk.h>
#endif

#include "capture/source.h"

#define XSK_FRAME_SIZE 2048     /* where frames are copied: half the memory that the cache sees */
#define XSK_FRAME_SIZE_MAX 4096 /* a chunk is a page at most, unless on huge pages (af_xdp.rst, XDP_UMEM_REG) */
#define XSK_HEADROOM 256        /* XDP_PACKET_HEADROOM: the kernel keeps it free before each frame */
#define XSK_RING_SIZE_MIN 512

/* What the sockets of an interface have in common. */
struct xsk_settings {
    char interface[16];
    uint32_t ring_size;  /* descriptors of each ring, a power of two */
    uint32_t frame_size; /* bytes of a UMEM chunk */
    bool fragments;      /* a packet may take several frames (XDP_USE_SG, kernel 6.6) */
    bool busy_poll;
    uint32_t rx_queues;     /* of the interface, when the sockets were made */
    uint32_t rx_queues_now; /* other than that: the sockets no longer see all; the main thread writes it */
};

struct kept_frames;
struct xdp_program;

struct xsk_queue {
    struct source_queue base; /* first: the worker knows only this */
    const struct xsk_settings *settings;

    struct xsk_ring_cons rx;
    struct xsk_ring_prod fill;
    uint8_t *area;   /* the UMEM */
    uint64_t *spare; /* frames that found the fill ring full: a stack with room for every frame */
    uint32_t spare_count;
    uint32_t looked_at;       /* frames of the next burst that the worker was told to fetch */
    struct kept_frames *kept; /* of the first queue: what was left to the host; NULL = nothing is, or not here */
    const struct xdp_program *program; /* what feeds the socket */
    uint64_t sampled_bytes;            /* of the frames that the program left out of the sample */
    bool samples;                      /* it leaves any out */
    bool kept_burst;                   /* the burst in hand is of the kept frames */
    bool zero_copy;
    bool bound;
    bool changed;   /* the interface has other RX queues than it had */
    bool gone;      /* the interface was removed; seen by xsk_queue_statistics() or a kick */
    uint64_t kicks; /* since the last statistics */

    struct xsk_ring_cons completion; /* never used: nothing is sent, but a UMEM must have it */
    struct xsk_umem *umem;
    struct xsk_socket *socket;
    size_t area_size;
};

/*
 * Makes the UMEM and fills the fill ring of RX queue `number`; `settings` must live as long as the queue. Returns the
 * queue (xsk_queue_close() it), or NULL with *error = -errno: -ENOBUFS when the limit of locked memory is too low.
 */
struct xsk_queue *xsk_queue_create(const struct xsk_settings *settings, uint32_t number, int *error);

/*
 * Binds its socket, `zero_copy` or copying, and never the other of the two. Returns 0, or -errno; after an error it may
 * be tried again. A queue that is still held by a socket that is being closed (-EBUSY) is asked again for a second.
 */
int xsk_queue_bind(struct xsk_queue *queue, bool zero_copy);

/* Whether the kernel itself says that the bound socket copies nothing (XDP_OPTIONS). */
bool xsk_queue_is_zero_copy(const struct xsk_queue *queue);

/* Frames that the kernel could not give to this socket, all causes; 0 before it is bound. A system call. */
uint64_t xsk_queue_lost(const struct xsk_queue *queue);

/* The functions of source.h. */
enum source_result xsk_queue_take(struct source_queue *base, struct burst *burst);
void xsk_queue_recycle(struct source_queue *base, const struct burst *burst);
void xsk_queue_statistics(struct source_queue *base, struct xtop_queue *counters);

/* Closes the socket; waits until the kernel has nothing of it in hand any more. */
void xsk_queue_unbind(struct xsk_queue *queue);

/* Unbinds and frees all of it. NULL is allowed. */
void xsk_queue_close(struct xsk_queue *queue);

#endif
