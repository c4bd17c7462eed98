/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taps: each copies the frames of one flow, both directions, into a socket of who asked for it, within bounds.
 *
 * DESIGN
 *   While no tap is set a worker pays one test a burst. While one is, it parses its frames a second time, apart from
 *   the table, and sends those of the flow straight out of the ring: one sendmsg(2) for up to TAP_BATCH frames, never
 *   waiting. The socket's buffer is the bound on what lies about; a frame that finds it full is counted as lost. The
 *   lock is taken a burst at a time, by workers and the main thread, and only while a tap is set.
 *   The owner has one tap, and so has each viewer, FLOW_TAPS_MOST in all: a burst is parsed once for all of them, and
 *   what else a tap costs its workers is a comparison of keys a frame.
 *
 * A message (SOCK_SEQPACKET) is a tap_head and `count` times a tap_frame with `captured` bytes behind it. The first
 * one is empty and says that the tap is set; the last one has `reason`; an end of the stream without it means that the
 * capture died. All in host order.
 */
#ifndef XTOP_FLOW_TAP_H
#define XTOP_FLOW_TAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/source.h"

#define TAP_BATCH 16
#define FLOW_TAPS_MOST 8
#define FLOW_TAPS_OF_ALL (-1)

enum tap_reason {
    TAP_GOES_ON,
    TAP_PACKETS,    /* a bound was met */
    TAP_BYTES,      /* " */
    TAP_SECONDS,    /* " */
    TAP_ASKED,      /* who asked for it wants no more */
    TAP_FLOW_ENDED, /* silent for the idle timeout, or closed and quiet */
    TAP_NO_FRAMES,  /* this source counts in the kernel and has no frames */
    TAP_STOPPED,    /* the capture ends */
    TAP_TOO_MANY,   /* FLOW_TAPS_MOST others have one */
};

struct tap_head {
    uint32_t reason; /* TAP_ */
    uint32_t count;
    uint64_t matched; /* frames of the flow so far */
    uint64_t lost;    /* of these, those that the socket had no room for */
};

struct tap_frame {
    uint64_t time;     /* ns since the epoch; the burst's where frames bring none */
    uint32_t captured; /* bytes that follow */
    uint32_t length;   /* bytes on the wire */
    uint32_t queue;
    uint32_t link; /* enum link_type */
};

struct tap_bounds {
    uint64_t packets;
    uint64_t bytes; /* captured */
    uint64_t nanoseconds;
};

struct flow_tap {
    int fd;    /* where the frames go, -1 = none is set */
    int whose; /* the control socket of who asked for it */
    struct xtop_key key;
    struct tap_bounds left;
    struct tap_head head;
    uint8_t fin_seen; /* bit d: direction d has sent FIN; 3 on RST, too */
    uint64_t heard;   /* head.matched when the main thread looked last */
    uint64_t heard_at;
    uint64_t until;
};

struct flow_taps {
    _Atomic bool set; /* some tap copies: workers look at it once a burst */
    uint64_t idle_timeout;

    pthread_mutex_t lock; /* for all below */
    struct flow_tap tap[FLOW_TAPS_MOST];
};

void flow_taps_init(struct flow_taps *taps);

/*
 * Sets the tap of `whose` (his control socket); one that he set before ends. `fd` is where the frames go, and the tap's
 * from now on. `now` and all times in ns of one clock. With a `refusal` other than TAP_GOES_ON, or where others have all
 * the taps there are, it ends at once and says why.
 */
void flow_taps_set(struct flow_taps *taps, int whose, int fd, const struct xtop_key *key,
                   const struct tap_bounds *bounds, uint64_t now, enum tap_reason refusal);

/* A worker's: copies the flows' frames among the first `frames` of a burst. Called only while taps->set; `decap` as in parse.h. */
void flow_taps_burst(struct flow_taps *taps, const struct source_queue *queue, const struct burst *burst,
                     uint32_t frames, bool decap, uint64_t now);

/* The main thread's, some times a second: ends the taps whose time has come. */
void flow_taps_tend(struct flow_taps *taps, uint64_t now);

/* Ends the tap of `whose`, or FLOW_TAPS_OF_ALL, for `reason`. */
void flow_taps_end(struct flow_taps *taps, int whose, enum tap_reason reason);

/* Ends the tap of `whose`, who has gone: no last word is waited for. */
void flow_taps_drop(struct flow_taps *taps, int whose);

#endif
