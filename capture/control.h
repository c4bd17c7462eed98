/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control channel: who may see the segment, and the few things that may be asked for.
 *
 * SOCK_SEQPACKET, one text message a packet:
 *   capture → peer   "ready" with the segment's memfd (SCM_RIGHTS) · "failed CODE LINK TEXT" (of several interfaces, the LINK-th from 0) · "ended"
 *   owner → capture  "stop" · "cursor QUEUE N" (ended records of a queue that were read: files wait for it)
 *   owner, viewer → capture
 *                    "tap PACKETS NANOSECONDS BYTES KEY" with a socket (SCM_RIGHTS): the frames of the flow of KEY (its 40
 *                    bytes in hex) are copied into it until a bound is met (flow_tap.h) · "untap"
 *
 * The owner is the socket that the process was started with; when it closes, the capture ends. Viewers come through
 * the listening socket; only the same user and root are let in. They may have packets, which they could have anyway and
 * write with rights of their own: no file is opened here, and into what is no such socket nothing is written. A viewer
 * that says anything else is let go of. The address is abstract, "xtop-capture/NAME/PID": it is seen in its network
 * namespace alone (/proc/net/unix), and goes with the process.
 */
#ifndef XTOP_CONTROL_H
#define XTOP_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/failure.h"

#define CONTROL_MAX_VIEWERS 256

struct control {
    int owner;  /* -1 = none */
    int listen; /* -1 = none */
    int viewer[CONTROL_MAX_VIEWERS];
    uint32_t viewer_count;
    int memfd;
    uid_t uid; /* whose capture this is */
    bool ended;
};

/* Takes the owner's socket (or -1) and opens the viewers' one for `name` (or NULL: none). Returns 0 or -1. */
int control_open(struct control *control, int owner, const char *name, struct failure *failure);

/* Hands the segment to the owner, and from now on to each viewer. */
void control_ready(struct control *control, int memfd);

/* Tells the owner why there will be no capture. False when there is no owner to tell. */
bool control_failed(struct control *control, const struct failure *failure);

/* Tells everybody that the figures are final. */
void control_ended(struct control *control);

/* Lets a viewer in, or turns it away. False where nobody can be let in now (no descriptor is free). */
bool control_accept(struct control *control);

/* Lets go of viewer `number`; the last one takes that number. */
void control_dismiss(struct control *control, uint32_t number);

/* Closes all sockets. */
void control_close(struct control *control);

#endif
