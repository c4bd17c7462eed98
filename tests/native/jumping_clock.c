/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wall clock that jumps, for one program: preloaded (LD_PRELOAD), it adds to CLOCK_REALTIME what the file named by
 * $JUMPING_CLOCK holds, eight bytes of nanoseconds, signed. The test that writes there moves the clock; the kernel's own
 * clock and everybody else's stay.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void jumping_clock_open(void)
{
    const char *path = getenv("JUMPING_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    offset = map == MAP_FAILED ? NULL : map;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = real(clock, now);

    if (result == 0 && clock == CLOCK_REALTIME && offset) {
        int64_t time = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + *offset;

        now->tv_sec = time / 1000000000;
        now->tv_nsec = time % 1000000000;
    }
    return result;
}
