/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be asked of a running capture: one text message a request, on a socket of control.h. */
#ifndef XTOP_CONTROL_REQUEST_H
#define XTOP_CONTROL_REQUEST_H

#include <stdint.h>

#include "capture/flow_abi.h"
#include "capture/flow_tap.h"

enum control_request_kind {
    CONTROL_NONE,
    CONTROL_STOP,
    CONTROL_CURSOR,
    CONTROL_TAP,
    CONTROL_UNTAP,
    CONTROL_STRANGE, /* nothing that we know */
    CONTROL_CLOSED,
};

struct control_request {
    enum control_request_kind kind;
    uint32_t queue; /* CONTROL_CURSOR */
    uint64_t cursor;
    int fd;                   /* CONTROL_TAP: the socket for the frames, the caller's to close */
    struct xtop_key key;      /* CONTROL_TAP */
    struct tap_bounds bounds; /* CONTROL_TAP */
};

/* Reads one request, without waiting; CONTROL_NONE when there is none. */
struct control_request control_request_read(int socket);

#endif
