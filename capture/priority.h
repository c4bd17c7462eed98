/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker's place among other programs. A ring holds some milliseconds of a fast link, so a worker that waits its fair
 * turn behind other programs loses frames. Not real time: a worker under full load would starve its CPU. What the process
 * has no right to (CAP_SYS_NICE) is left out; that is no error.
 */
#ifndef XTOP_PRIORITY_H
#define XTOP_PRIORITY_H

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

#endif
