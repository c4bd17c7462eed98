/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the flow-counting programs sit: on tcx (kernel 6.6), held by links that the kernel takes off when this process
 * dies, whatever it dies of; before that as clsact filters, which outlive a kill -9 and are cleared away by the next
 * start. Both places come before any other program of the interface, so that all packets are seen.
 */
#ifndef XTOP_FLOW_ATTACHMENT_H
#define XTOP_FLOW_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/clsact.h"

struct flow_attachment {
    int in_link;  /* tcx; -1 = none */
    int out_link; /* tcx; -1 = none */
    struct clsact clsact;
};

/*
 * Attaches to `ifindex`: the program `out_fd` for what leaves (-1 = not wanted) and `in_fd` for what arrives.
 * `without_tcx`: as on a kernel that has none. Returns 0, or -errno with nothing attached.
 */
int flow_attach(struct flow_attachment *attachment, uint32_t ifindex, int in_fd, int out_fd, bool without_tcx);

/* Takes the programs off. */
void flow_detach(struct flow_attachment *attachment);

#endif
