/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is closed beside everything else at the end.
 *
 * To close what packets go through waits in the kernel until no CPU can have it in hand any more (an RCU grace period,
 * 10 to 16 ms here). One after the other, a program, its sockets and the promiscuous mode took four times as long as all
 * at once. Workers close what is their queues' own; a thread that waits for nothing else has the rest.
 */
#ifndef XTOP_PARTING_H
#define XTOP_PARTING_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"

struct parting {
    pthread_t thread;
    sem_t settled; /* the thread has made the system calls that a sandbox would forbid */
    sem_t due;
    int fd[XTOP_MAX_LINKS]; /* to be closed, `count` of them */
    uint32_t count;
    bool running;
};

/* Starts the thread, which waits. Returns 0 or an errno value. */
int parting_start(struct parting *parting);

/* Begins to close what is in `fd`. */
void parting_begin(struct parting *parting);

/* Waits until all is closed. */
void parting_join(struct parting *parting);

#endif
