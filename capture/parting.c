/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/parting.h"

#include <string.h>
#include <unistd.h>

#include "capture/priority.h"

static void *parting_run(void *argument)
{
    struct parting *parting = argument;

    pthread_setname_np(pthread_self(), "xtop-parting");
    (void)priority_set_real_time(false); /* which it has from the main thread */
    sem_post(&parting->settled);
    while (sem_wait(&parting->due) < 0)
        ;
    for (uint32_t i = 0; i < parting->count; i++)
        close(parting->fd[i]);
    return NULL;
}

int parting_start(struct parting *parting)
{
    int error;

    memset(parting, 0, sizeof *parting);
    sem_init(&parting->settled, 0, 0);
    sem_init(&parting->due, 0, 0);
    error = pthread_create(&parting->thread, NULL, parting_run, parting);
    if (error)
        return error;
    while (sem_wait(&parting->settled) < 0)
        ;
    parting->running = true;
    return 0;
}

void parting_begin(struct parting *parting)
{
    if (parting->running)
        sem_post(&parting->due);
}

void parting_join(struct parting *parting)
{
    if (!parting->running)
        return;
    pthread_join(parting->thread, NULL);
    parting->running = false;
}
