/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tap: copies the frames of one flow, both directions, into a socket of the owner's, within bounds.
 *
 * DESIGN
 *   While no tap is set a worker pays one test a burst. While one is, it parses its frames a second time, apart from
 *   the table, and sends those of the flow straight out of the ring: one sendmsg(2) for up to TAP_BATCH frames, never
 *   waiting. The socket's buffer is the bound on what lies about; a frame that finds it full is counted as lost. The
 *   lock is taken a burst at a time, by workers and the main thread, and only while a tap is set.
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

enum tap_reason {
    TAP_GOES_ON,
    TAP_PACKETS,    /* a bound was met */
    TAP_BYTES,      /* " */
    TAP_SECONDS,    /* " */
    TAP_ASKED,      /* the owner wants no more */
    TAP_FLOW_ENDED, /* silent for the idle timeout, or closed and quiet */
    TAP_NO_FRAMES,  /* this source counts in the kernel and has no frames */
    TAP_STOPPED,    /* the capture ends */
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
    _Atomic bool set; /* workers look at it once a burst */

    pthread_mutex_t lock; /* for all below */
    int fd;               /* the owner's socket, -1 = none */
    struct xtop_key key;
    struct tap_bounds left;
    struct tap_head head;
    uint8_t fin_seen; /* bit d: direction d has sent FIN; 3 on RST, too */
    uint64_t heard;   /* head.matched when the main thread looked last */
    uint64_t heard_at;
    uint64_t until;
    uint64_t idle_timeout;
};

void flow_tap_init(struct flow_tap *tap);

/*
 * Sets the tap; one that was set before ends. `fd` is the owner's socket and the tap's from now on. `now` and all times
 * in ns of one clock. `has_frames` false: the tap ends at once and says why.
 */
void flow_tap_set(struct flow_tap *tap, int fd, const struct xtop_key *key, const struct tap_bounds *bounds,
                  uint64_t now, bool has_frames);

/* A worker's: copies the flow's frames among the first `frames` of a burst. Called only while tap->set; `decap` as in parse.h. */
void flow_tap_burst(struct flow_tap *tap, const struct source_queue *queue, const struct burst *burst, uint32_t frames,
                    bool decap, uint64_t now);

/* The main thread's, some times a second: ends the tap when it is time. */
void flow_tap_tend(struct flow_tap *tap, uint64_t now);

/* Ends the tap for `reason`. */
void flow_tap_end(struct flow_tap *tap, enum tap_reason reason);

#endif
