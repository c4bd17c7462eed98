/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small process that puts clsact filters on a link, waits, and takes them off when the capture is over, whatever it
 * ended by: kill -9, too. To remove a filter takes CAP_NET_ADMIN, and this is the only process that keeps it while packets
 * are counted; the capture, which reads what strangers send, keeps nothing.
 *
 *   capture ── asks, a pipe ──────► janitor        one byte: attach;   its end: the capture is over, take them off
 *           ◄─────── answers, a pipe ──            an errno or 0;      its end: done
 *
 * It is forked before there is a table, a thread or a sandbox, closes all that it inherited but the two programs (until
 * they are attached), the two pipes and the lock of capture/clsact.h, and has a session of its own and no signal that
 * would end it early: what is sent to the capture's process group, or by a service manager to both, ends the capture, and
 * by that the janitor. It never reads what anybody wrote, but that one byte.
 */
#ifndef XTOP_CLSACT_JANITOR_H
#define XTOP_CLSACT_JANITOR_H

#include <stdint.h>

#define CLSACT_JANITOR_NAME "xtop-janitor" /* in ps -o comm, top */

struct clsact_janitor {
    int ask_fd; /* -1 = there is none */
    int answer_fd;
    int claim_fd; /* the capture's alone: it runs */
    int lock_fd;  /* of both */
};

#define CLSACT_JANITOR_NONE ((struct clsact_janitor){.ask_fd = -1, .answer_fd = -1, .claim_fd = -1, .lock_fd = -1})

/*
 * Starts one for the link `ifindex` and the programs `in_fd` and `out_fd` (-1 = not wanted), which attaches nothing yet.
 * Call it while there is one thread. Returns 0, or -errno: -EADDRINUSE when another xtop counts there.
 */
int clsact_janitor_start(struct clsact_janitor *janitor, uint32_t ifindex, int in_fd, int out_fd);

/* Has it attach. Returns 0, or -errno with nothing attached. */
int clsact_janitor_attach(struct clsact_janitor *janitor);

/* Lets it end, and waits until the filters are off; within a sandbox, too. */
void clsact_janitor_end(struct clsact_janitor *janitor);

#endif
