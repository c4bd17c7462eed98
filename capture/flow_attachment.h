/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the flow-counting programs sit: on tcx (kernel 6.6), held by links that the kernel takes off when this process
 * dies, whatever it dies of; before that as clsact filters, which a process beside this one takes off. Both places come
 * before any other program of the interface, so that all packets are seen.
 */
#ifndef XTOP_FLOW_ATTACHMENT_H
#define XTOP_FLOW_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/clsact_janitor.h"

struct flow_attachment {
    uint32_t ifindex;
    int in_fd;    /* the programs; not ours to close */
    int out_fd;   /* -1 = not wanted */
    int in_link;  /* tcx; -1 = none */
    int out_link; /* tcx; -1 = none */
    struct clsact_janitor janitor;
};

#define FLOW_ATTACHMENT_NONE ((struct flow_attachment){.in_link = -1, .out_link = -1, .janitor = CLSACT_JANITOR_NONE})

/*
 * Gets ready to attach to `ifindex` the program `out_fd` for what leaves (-1 = not wanted) and `in_fd` for what arrives;
 * nothing is attached yet. While there is one thread: without tcx a process is forked. `without_tcx`: as on a kernel that
 * has none. Returns 0, or -errno with nothing left behind.
 */
int flow_attachment_open(struct flow_attachment *attachment, uint32_t ifindex, int in_fd, int out_fd, bool without_tcx);

/* True when the programs sit, or will sit, on tcx. */
bool flow_attachment_is_tcx(const struct flow_attachment *attachment);

/* Attaches. Returns 0, or -errno with nothing attached. */
int flow_attach(struct flow_attachment *attachment);

/* Takes the programs off. */
void flow_detach(struct flow_attachment *attachment);

#endif
