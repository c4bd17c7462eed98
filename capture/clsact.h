/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow-counting programs as clsact filters, for kernels before 6.6 (no tcx).
 *
 * A filter stays when its process dies. So ours are told from others' by three marks: priority, handle, and the name of
 * the program; and from those of an xtop that still runs by a lock, which the kernel lets go of with its process: the
 * abstract Unix address "@xtop-clsact-IFINDEX" (abstract addresses belong to the network namespace, as filters do).
 * Whoever holds the lock may clear away what is marked. Other filters, and a clsact qdisc with anything else in it, are
 * never touched; the handle also says whether we made the qdisc.
 */
#ifndef XTOP_CLSACT_H
#define XTOP_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

struct clsact {
    int lock_fd; /* -1 = nothing is attached */
    uint32_t ifindex;
    uint32_t handle;
};

/*
 * Clears away what an earlier xtop left on `ifindex`, then attaches. `out_fd` -1 = not wanted. Returns 0, or -errno
 * with nothing attached; -EADDRINUSE when another xtop counts there.
 */
int clsact_attach(struct clsact *clsact, uint32_t ifindex, int in_fd, int out_fd);

/* Takes the filters off, and the qdisc when we made it and nobody else has come to use it. */
void clsact_detach(struct clsact *clsact);

#endif
