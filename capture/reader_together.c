/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look that keeps nothing for the next one writes nothing that another thread reads, so several go through the flows at
 * once. Each takes the next part of every queue's slots when it has done with one: a thread whose CPU a sender or a worker
 * has as well does less. Somebody waits for such a look: a key was pressed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "capture/reader_scan.h"

#define THREADS_MOST 8

/* Of 1,000,000 flows each takes half a millisecond. */
#define PARTS 32

struct share {
    struct look look; /* a copy, with rows of its own */
    struct reader_result result;
    _Atomic uint32_t *next; /* the first part that nobody has taken */
    bool begun;
    pthread_t thread;
};

static uint32_t shares_of(const struct look *look)
{
    if (look->kept || look->activity || look->group.by)
        return 1;
    return look->view->threads < THREADS_MOST ? look->view->threads : THREADS_MOST;
}

static void parts_scan(struct look *look, _Atomic uint32_t *next)
{
    uint32_t part;

    while ((part = atomic_fetch_add_explicit(next, 1, memory_order_relaxed)) < PARTS)
        reader_scan_share(look, part, PARTS);
}

static void *share_run(void *argument)
{
    struct share *share = argument;

    parts_scan(&share->look, share->next);
    return NULL;
}

/* Signals are for threads that know of them. */
static void shares_begin(struct share *share, uint32_t count)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (uint32_t i = 0; i < count; i++)
        share[i].begun = pthread_create(&share[i].thread, NULL, share_run, &share[i]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void result_add(struct reader_result *result, const struct reader_result *more)
{
    result->matched += more->matched;
    result->hidden += more->hidden;
}

static void share_join(struct look *look, struct share *share)
{
    if (share->begun)
        pthread_join(share->thread, NULL);
    look->failed |= share->look.failed;
    result_add(look->result, &share->result);
    tally_join(&look->tally, &share->look.tally);
    tally_join(&look->unkept, &share->look.unkept);
    ranking_join(&look->rows, &share->look.rows);
}

bool reader_scan_together(struct look *look)
{
    uint32_t count = shares_of(look);
    struct share *share = count > 1 ? calloc(count - 1, sizeof *share) : NULL;
    _Atomic uint32_t next = 0;

    if (!share)
        return false;
    for (uint32_t i = 0; i + 1 < count; i++) {
        share[i] = (struct share){.look = *look, .next = &next};
        share[i].look.result = &share[i].result;
    }
    shares_begin(share, count - 1);
    parts_scan(look, &next); /* all of them, where no thread could be had */
    for (uint32_t i = 0; i + 1 < count; i++)
        share_join(look, &share[i]);
    free(share);
    return true;
}
