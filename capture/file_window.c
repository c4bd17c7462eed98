/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/file_window.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer than the headers of Debian 12 and Ubuntu 22.04. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

static int window_fd;
static off_t page;       /* bytes: 4 KiB on x86, up to 64 elsewhere */
static off_t window_end; /* in the file, of what lies in the window */

/* For the signal handler. */
static uint8_t *window;
static volatile sig_atomic_t torn;

/* Puts zeros where the file was. mmap(2) is a system call like any other: a signal handler may make it. */
static void window_mend(int signal, siginfo_t *information, void *context)
{
    uintptr_t at = (uintptr_t)information->si_addr - (uintptr_t)window;

    (void)signal;
    (void)context;
    if (!window || at >= FILE_WINDOW ||
        mmap(window, FILE_WINDOW, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        abort();
    torn = true;
}

bool file_window_open(int fd)
{
    struct sigaction action = {.sa_sigaction = window_mend, .sa_flags = SA_SIGINFO};
    void *map = mmap(NULL, FILE_WINDOW, PROT_READ, MAP_SHARED, fd, 0);

    if (map == MAP_FAILED)
        return false;
    window = map;
    window_fd = fd;
    page = (off_t)sysconf(_SC_PAGESIZE);
    window_end = 0;
    torn = false;
    if (sigaction(SIGBUS, &action, NULL) == 0)
        return true;
    file_window_close();
    return false;
}

uint32_t file_window_move(off_t *offset, const uint8_t **data)
{
    struct stat status;
    off_t begin = *offset & ~(page - 1);
    uint32_t size;

    if (fstat(window_fd, &status) < 0 || status.st_size <= *offset)
        return 0;
    if (mmap(window, FILE_WINDOW, PROT_READ, MAP_SHARED | MAP_FIXED, window_fd, begin) == MAP_FAILED)
        return 0;
    size = status.st_size - begin < FILE_WINDOW ? (uint32_t)(status.st_size - begin) : FILE_WINDOW;
    window_end = begin + size;
    /* Read ahead where it is not in memory yet; and no fault for every few pages. Both are but faster. */
    (void)madvise(window, size, MADV_SEQUENTIAL);
    (void)madvise(window, size, MADV_POPULATE_READ);
    *offset = begin;
    *data = window;
    return size;
}

bool file_window_torn(void)
{
    return torn;
}

bool file_window_whole(void)
{
    struct stat status;

    return !torn && fstat(window_fd, &status) == 0 && status.st_size >= window_end;
}

void file_window_close(void)
{
    if (window)
        munmap(window, FILE_WINDOW);
    window = NULL;
}
