/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What xtop-capture gives up once everything is open: who takes it over by a hostile frame gains nothing but it.
 *
 *   sandbox_drop_rights   on the main thread, before there are others: they inherit it
 *     capabilities        none is left, in no set (capabilities(7)); no_new_privs: none ever comes back
 *     Landlock            no file, no TCP socket, nobody else's abstract socket or process (landlock(7), Linux 5.13)
 *   sandbox_limit_calls   on the main thread, when all threads are there, and before the first frame is looked at
 *     seccomp             the system calls of a running capture and no others (seccomp(2)); it forks and executes nothing
 *
 * A call that is not on the list does not happen: the process says which it was, in one line, and ends.
 */
#ifndef XTOP_SANDBOX_H
#define XTOP_SANDBOX_H

#include <stdint.h>

#include "capture/failure.h"

/* What a source does while it runs, or at its end, besides what all do: bits of source.sandbox_needs. */
#define SANDBOX_BPF_MAPS 1u /* reads and changes BPF maps */
#define SANDBOX_CLSACT 2u /* takes tc filters off: CAP_NET_ADMIN stays for it. The janitor's alone (clsact_janitor.h) */
#define SANDBOX_FILE 4u   /* reads a file */
#define SANDBOX_PACKET 8u /* takes a packet socket's ring down, and asks whether its interface is there */
#define SANDBOX_ETHTOOL 16u /* asks a driver for its queues */

/*
 * Gives up rights and files. Adds what was done to `entered` (XTOP_SANDBOX_): Landlock is left out where the kernel has
 * none. Returns 0, or -1 with `failure`.
 */
int sandbox_drop_rights(uint32_t needs, uint32_t *entered, struct failure *failure);

/*
 * Limits the system calls of all threads; a breach is told on `report_fd`, a socket of control.h (-1 = standard error).
 * Adds XTOP_SANDBOX_CALLS to `entered`, unless the kernel has no seccomp. Returns 0, or -1 with `failure`.
 */
int sandbox_limit_calls(uint32_t needs, int report_fd, uint32_t *entered, struct failure *failure);

/*
 * Limits the calling thread, of a process that has no other, to waiting and to taking clsact filters off. A call that is
 * not on its list fails, and the process goes on: it must come to its end. Returns 0, or -errno.
 */
int sandbox_limit_janitor(void);

#endif
