/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flows of the demo: how one is born, what it says next, and when it is over. Nothing is ever lost or reordered, so
 * sequence and acknowledgement numbers are those of two ends that hear each other at once.
 */
#ifndef XTOP_DEMO_FLOWS_H
#define XTOP_DEMO_FLOWS_H

#include <stdint.h>

#include "capture/demo_frames.h"

enum demo_kind { DEMO_TCP, DEMO_QUIC, DEMO_DNS, DEMO_ECHO };

/* What a flow does after the packet it has just sent. */
enum demo_mood {
    DEMO_LATER, /* speaks again when its turn comes */
    DEMO_SOON,  /* the other end answers, after demo_flow.delay */
    DEMO_OVER,  /* nothing more, ever */
};

struct demo_flow {
    struct demo_path path;
    uint32_t sequence[2]; /* TCP: next of each end; echo: [0] counts the requests */
    uint32_t stamp[2];    /* TCP: each end's last timestamp, ms */
    uint32_t left;        /* messages before it ends */
    uint32_t delay;       /* half a round trip, in packets of the queue */
    uint32_t due;         /* the queue's: number of the packet that is the answer, modulo 2^32 */
    uint8_t kind;         /* DEMO_TCP ... */
    uint8_t state;
    uint8_t bulk;       /* the end that sends the most */
    uint8_t speaker;    /* TCP: the end that sent the last data */
    uint8_t unanswered; /* TCP: segments without an acknowledgement; UDP: packets of one end in a row */
    uint8_t chatty;     /* short messages rather than full segments */
};

/* What the flows of one queue have in common. */
struct demo_world {
    uint64_t random;        /* state of demo_random */
    uint32_t queue;         /* number; no two queues share a client */
    uint32_t flows;         /* live at a time */
    uint32_t packets_per_s; /* what delays are reckoned by */
    uint32_t now;           /* ms since the start, for TCP timestamps */
};

/* Makes flow `slot` of `world` anew. The flows of different slots have different clients or ports. */
void demo_flow_start(struct demo_flow *flow, struct demo_world *world, uint32_t slot);

/* What the flow says next. `packet` points into the flow. */
enum demo_mood demo_flow_speak(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet);

#endif
