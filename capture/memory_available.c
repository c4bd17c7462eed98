/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/memory_available.h"

#include "capture/kernel_number.h"
#include "capture/memory_cgroup.h"

uint64_t memory_available(void)
{
    uint64_t kilobytes, group = memory_cgroup_room();

    if (!kernel_number("/proc/meminfo", "MemAvailable:", &kilobytes))
        return group;
    return group < kilobytes * 1024 ? group : kilobytes * 1024;
}
