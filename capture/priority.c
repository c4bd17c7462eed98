/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/priority.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE (-20)
#define REAL_TIME 1 /* the lowest: whatever else is real time on this machine has its reasons */

int priority_raise_thread(void)
{
    int usual = getpriority(PRIO_PROCESS, 0);

    (void)setpriority(PRIO_PROCESS, 0, NICE);
    return usual;
}

void priority_set_thread(int nice)
{
    (void)setpriority(PRIO_PROCESS, 0, nice);
}

void priority_raise_session(void)
{
    int fd;

    if (getsid(0) != getpid())
        return;
    fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!dprintf(fd, "%d", NICE);
    close(fd);
}

void priority_begin_real_time(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_RTPRIO, &limit) == 0 && limit.rlim_cur < REAL_TIME) {
        limit.rlim_cur = REAL_TIME;
        limit.rlim_max = limit.rlim_max < REAL_TIME ? REAL_TIME : limit.rlim_max;
        (void)setrlimit(RLIMIT_RTPRIO, &limit);
    }
    (void)priority_set_real_time(true);
}

bool priority_is_real_time(void)
{
    return sched_getscheduler(0) == SCHED_FIFO;
}

int priority_set_real_time(bool real_time)
{
    const struct sched_param parameter = {.sched_priority = real_time ? REAL_TIME : 0};

    return sched_setscheduler(0, real_time ? SCHED_FIFO : SCHED_OTHER, &parameter);
}
