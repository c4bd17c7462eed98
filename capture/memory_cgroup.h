/* SPDX-License-Identifier: BSD-2-Clause */
/* What a container's or a service's limit leaves: who goes beyond is killed, whatever the machine has. */
#ifndef XTOP_MEMORY_CGROUP_H
#define XTOP_MEMORY_CGROUP_H

#include <stdint.h>

/*
 * Bytes that this process's control group, and those above it, may still take, either version of them where systemd mounts it
 * (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst); the cache of files that nobody uses counts as free. UINT64_MAX:
 * there is no limit.
 */
uint64_t memory_cgroup_room(void);

#endif
