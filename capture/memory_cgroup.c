/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/memory_cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "capture/kernel_number.h"

/* Where a version keeps what. */
static const struct version {
    const char *controller; /* in /proc/self/cgroup */
    const char *mounted;
    const char *limit;
    const char *used;
    const char *unused_cache; /* a field of memory.stat */
} versions[] = {
    {"", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "},
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "},
};

/* Of one of a group's files; false: there is none ("max"), or no such file. */
static bool group_number(const char *directory, const char *name, const char *field, uint64_t *number)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return kernel_number(path, field, number);
}

static uint64_t group_room(const struct version *version, const char *directory)
{
    uint64_t limit, used, cache = 0;

    if (!group_number(directory, version->limit, "", &limit) || !group_number(directory, version->used, "", &used))
        return UINT64_MAX;
    (void)group_number(directory, "memory.stat", version->unused_cache, &cache);
    used -= cache < used ? cache : used;
    return limit > used ? limit - used : 0;
}

/* Of the group at `path` and those above it; in a container the path may be that of the host, and only its root be there. */
static uint64_t path_room(const struct version *version, const char *path)
{
    uint64_t room = UINT64_MAX;
    char directory[PATH_MAX];

    snprintf(directory, sizeof directory, "%s%s", version->mounted, path);
    while (strlen(directory) >= strlen(version->mounted)) {
        uint64_t here = group_room(version, directory);

        room = here < room ? here : room;
        *strrchr(directory, '/') = 0;
    }
    return room;
}

/* A line is number:controllers:path. */
static uint64_t line_room(char *line)
{
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!path)
        return UINT64_MAX;
    *path++ = 0;
    path[strcspn(path, "\n")] = 0;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strcmp(controllers + 1, versions[i].controller) == 0)
            return path_room(&versions[i], path);
    return UINT64_MAX;
}

uint64_t memory_cgroup_room(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    uint64_t room = UINT64_MAX;
    char line[PATH_MAX];

    while (file && fgets(line, sizeof line, file)) {
        uint64_t here = line_room(line);

        room = here < room ? here : room;
    }
    if (file)
        fclose(file);
    return room;
}
