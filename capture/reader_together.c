/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look that keeps nothing for the next one writes nothing that another thread reads, so several go through the flows at
 * once, each through a share of every queue's slots. Somebody waits for such a look: a key was pressed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "capture/reader_scan.h"

#define THREADS_MOST 8

struct share {
    struct look look; /* a copy, with rows of its own */
    struct reader_result result;
    uint32_t number;
    uint32_t of;
    bool begun;
    pthread_t thread;
};

static uint32_t shares_of(const struct look *look)
{
    if (look->kept || look->activity || look->view->group)
        return 1;
    return look->view->threads < THREADS_MOST ? look->view->threads : THREADS_MOST;
}

static void *share_run(void *argument)
{
    struct share *share = argument;

    reader_scan_share(&share->look, share->number, share->of);
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
    else
        share_run(share);
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

    if (!share)
        return false;
    for (uint32_t i = 0; i + 1 < count; i++) {
        share[i] = (struct share){.look = *look, .number = i + 1, .of = count};
        share[i].look.result = &share[i].result;
    }
    shares_begin(share, count - 1);
    reader_scan_share(look, 0, count);
    for (uint32_t i = 0; i + 1 < count; i++)
        share_join(look, &share[i]);
    free(share);
    return true;
}
