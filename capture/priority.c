/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/priority.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE (-20)

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
