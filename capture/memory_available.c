/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/memory_available.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/memory_cgroup.h"

static const char field[] = "MemAvailable:";

static uint64_t machine_available(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    uint64_t bytes = UINT64_MAX;
    char line[128];

    while (file && bytes == UINT64_MAX && fgets(line, sizeof line, file))
        if (strncmp(line, field, sizeof field - 1) == 0)
            bytes = strtoull(line + sizeof field - 1, NULL, 10) * 1024;
    if (file)
        fclose(file);
    return bytes;
}

uint64_t memory_available(void)
{
    uint64_t machine = machine_available(), group = memory_cgroup_room();

    return group < machine ? group : machine;
}
