/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends frames out of an interface by running an XDP program over them (see bpf/demo_traffic.bpf.c): one core makes
 * millions a second. On a veth the peer must have NAPI on (an XDP program in native mode, or GRO), else they vanish; and
 * the peer's RX queue is the sending CPU modulo its queues.
 */
#ifndef XTOP_TRAFFIC_SENDER_H
#define XTOP_TRAFFIC_SENDER_H

#include <stdint.h>

#include "bpf/demo_traffic.h"
#include "capture/failure.h"

#define TRAFFIC_FRAME_MIN 60
#define TRAFFIC_FRAME_MAX 3500 /* a page less what the kernel keeps at both ends */

struct demo_traffic;

struct traffic_sender {
    struct demo_traffic *skeleton;
    struct traffic_slot *slot;   /* TRAFFIC_SLOTS of them, shared with the program */
    struct traffic_state *state; /* likewise; TRAFFIC_CPUS of them */
    uint8_t *frame;              /* what the program starts from */
    uint32_t frame_size;
    int program_fd;
    int link_fd; /* it is attached by this; -1 = not */
};

/*
 * Makes ready to send `flows` flows of UDP in turn, in frames of `frame_size` bytes. Returns 0, or -1 with `failure`;
 * nothing is left behind then. traffic_sender_close() afterwards.
 */
int traffic_sender_open_exact(struct traffic_sender *sender, const char *interface, uint32_t flows, uint32_t frame_size,
                              struct failure *failure);

/* The same for frames that the caller lays into the part of sender->slot[] that sender->state[CPU] names. */
int traffic_sender_open_replay(struct traffic_sender *sender, const char *interface, struct failure *failure);

/* Sends the next `frames` frames, on this CPU; fewer when a signal came. Returns 0, or -1 with `failure`. */
int traffic_sender_run(struct traffic_sender *sender, uint32_t frames, struct failure *failure);

/* Frames sent since open. */
uint64_t traffic_sender_sent(const struct traffic_sender *sender);

void traffic_sender_close(struct traffic_sender *sender);

#endif
