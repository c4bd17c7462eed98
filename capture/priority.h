/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker's place among other programs. A ring holds some milliseconds of a fast link, so a worker that waits its fair
 * turn behind other programs loses frames. What the process has no right to (CAP_SYS_NICE, CAP_SYS_RESOURCE) is left out;
 * that is no error.
 */
#ifndef XTOP_PRIORITY_H
#define XTOP_PRIORITY_H

#include <stdbool.h>

/*
 * Puts the calling thread, and those it will make, before others of its session. Returns the nice value that it had,
 * which priority_set_thread() takes: to go back needs no right.
 */
int priority_raise_thread(void);
void priority_set_thread(int nice);

/*
 * Puts the process's session before other sessions. The kernel shares CPUs out by session first where autogroup is on,
 * and a thread's nice value counts within its session only (sched(7), "The autogroup feature"). Does nothing unless the
 * process leads a session of its own.
 */
void priority_raise_session(void);

/*
 * Puts the calling thread, and those it will make, before all ordinary ones (SCHED_FIFO, sched(7)). They can leave that
 * place without a right, and come back to it where RLIMIT_RTPRIO lets them, which is raised here if it may be.
 */
void priority_begin_real_time(void);
bool priority_is_real_time(void);

/* The calling thread's place: before all ordinary ones, or at its nice value among them. Returns 0, or -1 with errno. */
int priority_set_real_time(bool real_time);

#endif
