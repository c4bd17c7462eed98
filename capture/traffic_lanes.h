/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay from several CPUs at a steady rate.
 *
 * A NIC with RSS gives both directions of a flow to one RX queue. On a veth the queue follows from the sending CPU, so
 * each flow has a lane, by the hash of its key, and each lane a CPU and a ring in its part of the slots:
 *
 *   slot  0 ............. n/2 ............. n        two CPUs given
 *         │ lane 0, CPU a  │ lane 1, CPU b  │
 *
 * Each lane has a thread on its CPU, which sends what was laid while the frames after it are being made.
 */
#ifndef XTOP_TRAFFIC_LANES_H
#define XTOP_TRAFFIC_LANES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/source.h"
#include "capture/traffic.h"

struct traffic_lanes;

struct traffic_lane {
    struct traffic_lanes *lanes;
    struct traffic_state *state;
    int cpu;
    uint32_t laid;    /* frames laid since the start, modulo 2^32 */
    uint32_t told;    /* of these, the thread knows of */
    uint32_t waiting; /* of these, not sent yet; under the lock */
    pthread_t thread;
    bool started;
    pthread_cond_t work; /* waiting > 0, or stopping */
};

struct traffic_lanes {
    struct traffic_sender *sender;
    uint32_t count;
    uint32_t size; /* slots of a lane, a power of two */
    struct traffic_lane lane[TRAFFIC_LANES];

    pthread_mutex_t lock;
    bool stopping;
    bool failed;
    struct failure failure;
};

/* Starts a lane for each of the `count` CPUs (for the one it runs on, where that is 0). 0, or -1 with `failure`. */
int traffic_lanes_open(struct traffic_lanes *lanes, struct traffic_sender *sender, const int *cpu, uint32_t count,
                       struct failure *failure);

/* Whether every lane has room for a whole burst. */
bool traffic_lanes_have_room(const struct traffic_lanes *lanes);

/* Lays a frame of at most TRAFFIC_SLOT_DATA bytes into its lane, which must have room. */
void traffic_lanes_lay(struct traffic_lanes *lanes, const struct frame *frame);

/* Has what was laid sent, and does not wait for it. Returns 0, or -1 with the `failure` of a send before. */
int traffic_lanes_send(struct traffic_lanes *lanes, struct failure *failure);

/* Waits for the threads and ends them. */
void traffic_lanes_close(struct traffic_lanes *lanes);

#endif
