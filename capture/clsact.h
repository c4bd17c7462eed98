/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow-counting programs as clsact filters, for kernels before 6.6 (no tcx).
 *
 * A filter stays when its process dies. So the process that puts them on does nothing else, and takes them off when the
 * capture is over, however that ended: capture/clsact_janitor.h. Where both are killed they stay until the next start,
 * and ours are told from others' by three marks: priority, handle, and the name of the program; and from those of an
 * xtop that still runs by a lock, which the kernel lets go of with its processes: the abstract Unix address
 * "@xtop-clsact-IFINDEX" (abstract addresses belong to the network namespace, as filters do). Whoever holds the lock may
 * clear away what is marked. Other filters, and a clsact qdisc with anything else in it, are never touched; the handle
 * also says whether we made the qdisc.
 */
#ifndef XTOP_CLSACT_H
#define XTOP_CLSACT_H

#include <stdint.h>

/* What one run has put on a link. */
struct clsact {
    uint32_t ifindex;
    uint32_t handle; /* 0 = nothing */
    uint32_t in_id;  /* of the programs; 0 = none */
    uint32_t out_id;
};

/*
 * Says that a capture runs on `ifindex`: a second lock, "@xtop-clsact-capture-IFINDEX", which the capture alone holds.
 * Returns a descriptor, or -errno: -EADDRINUSE when another xtop counts there.
 */
int clsact_claim(uint32_t ifindex);

/*
 * Takes the lock of `ifindex`; waits for the janitor of a capture that has just died. Returns a descriptor, which holds
 * it as long as any copy of it is open, or -errno.
 */
int clsact_lock(uint32_t ifindex);

/*
 * With the lock held: clears away what an earlier xtop left on `ifindex`, then attaches. `out_fd` -1 = not wanted.
 * Returns 0, or -errno with nothing attached.
 */
int clsact_attach(struct clsact *clsact, uint32_t ifindex, int in_fd, int out_fd);

/* Takes just these filters off, and the qdisc when we made it and nobody else has come to use it. */
void clsact_detach(const struct clsact *clsact);

#endif
