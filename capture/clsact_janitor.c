/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/clsact_janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capture/clsact.h"
#include "capture/sandbox.h"

/* How long the end of a capture waits for its filters to be off, ms; they go in two or three. */
#define PATIENCE_MS 5000

static int number_compare(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

/* Closes every descriptor but these (-1 = none). */
static void close_all_but(int *kept, size_t count)
{
    unsigned int next = 0;

    qsort(kept, count, sizeof *kept, number_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < 0)
            continue;
        if ((unsigned int)kept[i] > next)
            close_range(next, (unsigned int)kept[i] - 1, 0);
        next = (unsigned int)kept[i] + 1;
    }
    close_range(next, ~0u, 0);
}

/* What ends a capture ends the janitor by the end of its pipe, in its own time. */
static void signals_ignore(void)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2};
    sigset_t none;

    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        signal(ending[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps the one right that it is there for. */
static int confine(void)
{
    struct failure failure = {0};
    uint32_t entered = 0;

    if (sandbox_drop_rights(SANDBOX_CLSACT, &entered, &failure) < 0)
        return -EPERM;
    return sandbox_limit_janitor();
}

/* Attaches, then gives up what it took; 0 or -errno. */
static int attach(struct clsact *clsact, uint32_t ifindex, int in_fd, int out_fd)
{
    int error = clsact_attach(clsact, ifindex, in_fd, out_fd);

    close(in_fd);
    if (out_fd >= 0)
        close(out_fd);
    if (error)
        return error;
    error = confine();
    if (error)
        clsact_detach(clsact);
    return error;
}

/* The process. It may write to the answers' pipe when nobody reads it any more. */
static _Noreturn void run(int ask_fd, int answer_fd, int lock_fd, uint32_t ifindex, int in_fd, int out_fd)
{
    int kept[] = {ask_fd, answer_fd, lock_fd, in_fd, out_fd};
    struct clsact clsact;
    char byte;
    int error;

    signals_ignore();
    (void)setsid();
    (void)prctl(PR_SET_NAME, CLSACT_JANITOR_NAME);
    close_all_but(kept, sizeof kept / sizeof kept[0]);
    if (read(ask_fd, &byte, 1) != 1)
        _exit(EXIT_SUCCESS); /* the capture ended before it began */
    error = attach(&clsact, ifindex, in_fd, out_fd);
    (void)!write(answer_fd, &error, sizeof error);
    if (error)
        _exit(EXIT_FAILURE);
    while (read(ask_fd, &byte, 1) != 0)
        ;
    clsact_detach(&clsact);
    _exit(EXIT_SUCCESS);
}

static int fork_janitor(struct clsact_janitor *janitor, uint32_t ifindex, int in_fd, int out_fd)
{
    int ask[2] = {-1, -1}, answer[2] = {-1, -1};
    pid_t pid = -1;
    int error;

    if (pipe2(ask, O_CLOEXEC) == 0 && pipe2(answer, O_CLOEXEC) == 0)
        pid = fork();
    if (pid == 0)
        run(ask[0], answer[1], janitor->lock_fd, ifindex, in_fd, out_fd);
    error = pid < 0 ? -errno : 0;
    close(ask[0]);
    close(answer[1]);
    janitor->ask_fd = ask[1];
    janitor->answer_fd = answer[0];
    return error;
}

int clsact_janitor_start(struct clsact_janitor *janitor, uint32_t ifindex, int in_fd, int out_fd)
{
    int error;

    *janitor = CLSACT_JANITOR_NONE;
    janitor->claim_fd = clsact_claim(ifindex);
    if (janitor->claim_fd < 0)
        return janitor->claim_fd;
    signal(SIGCHLD, SIG_IGN); /* one that ends is nobody's zombie */
    janitor->lock_fd = clsact_lock(ifindex);
    error = janitor->lock_fd < 0 ? janitor->lock_fd : fork_janitor(janitor, ifindex, in_fd, out_fd);
    if (error)
        clsact_janitor_end(janitor);
    return error;
}

int clsact_janitor_attach(struct clsact_janitor *janitor)
{
    int error;

    if (write(janitor->ask_fd, "a", 1) != 1)
        return -EPIPE;
    return read(janitor->answer_fd, &error, sizeof error) == sizeof error ? error : -EPIPE;
}

void clsact_janitor_end(struct clsact_janitor *janitor)
{
    struct pollfd answer = {.fd = janitor->answer_fd, .events = POLLIN};

    if (janitor->ask_fd >= 0) {
        close(janitor->ask_fd);
        /* It says nothing more: what can be read is the end. */
        while (poll(&answer, 1, PATIENCE_MS) < 0 && errno == EINTR)
            ;
        close(janitor->answer_fd);
    }
    if (janitor->lock_fd >= 0)
        close(janitor->lock_fd);
    if (janitor->claim_fd >= 0)
        close(janitor->claim_fd);
    *janitor = CLSACT_JANITOR_NONE;
}
