/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities, no_new_privs and Landlock; the system calls are in sandbox_calls.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/flow_abi.h"

#ifndef CAP_BPF
#define CAP_BPF 39 /* kernel 5.8 */
#endif

/* linux/landlock.h, of which the distributions that we build on have an early one. */
#define LANDLOCK_ASK_VERSION 1u /* LANDLOCK_CREATE_RULESET_VERSION */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

/* What a version of Landlock can forbid: all of it is. */
static const struct landlock_step {
    int version;
    uint64_t files;   /* LANDLOCK_ACCESS_FS_ */
    uint64_t network; /* LANDLOCK_ACCESS_NET_: bind and connect TCP */
    uint64_t scoped;  /* LANDLOCK_SCOPE_: others' abstract sockets and signals */
} landlock_steps[] = {
    {1, 0x1fff, 0, 0},                          /* execute, write, read, remove, make, each kind of file */
    {2, 0x3fff, 0, 0},                          /* and refer */
    {3, 0x7fff, 0, 0},                          /* and truncate */
    {4, 0x7fff, 0x3, 0},   {5, 0xffff, 0x3, 0}, /* and ioctl on devices */
    {6, 0xffff, 0x3, 0x3},
};

struct landlock_ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scoped;
};

static int own_sets(bool bpf, bool net_admin)
{
    capng_clear(CAPNG_SELECT_CAPS);
    if (bpf)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF);
    if (net_admin)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
    return capng_apply(CAPNG_SELECT_CAPS);
}

/*
 * Before Linux 5.19 the switch kernel.unprivileged_bpf_disabled forbids every use of bpf(2), reading a map that one has
 * open, too. A descriptor that cannot be tells the two apart.
 */
static bool maps_need_a_right(void)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.map_fd = (uint32_t)-1;
    return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attributes, sizeof attributes) < 0 && errno == EPERM;
}

static int capabilities_drop(uint32_t needs)
{
    bool net_admin = needs & SANDBOX_CLSACT && capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
    bool bpf = needs & SANDBOX_BPF_MAPS && capng_have_capability(CAPNG_PERMITTED, CAP_BPF);

    /* The bounding set can be lowered with CAP_SETPCAP only; without it no_new_privs does as well. */
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
        capng_clear(CAPNG_SELECT_BOUNDS);
        (void)capng_apply(CAPNG_SELECT_BOUNDS);
        capng_get_caps_process();
    }
    if (bpf) {
        capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_BPF);
        capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
        bpf = capng_apply(CAPNG_SELECT_CAPS) == 0 && maps_need_a_right();
    }
    return own_sets(bpf, net_admin);
}

/* A sanitizer opens files when it reports. */
static bool files_may_be_forbidden(void)
{
#ifdef XTOP_SANITIZED
    return false;
#else
    return true;
#endif
}

/* Forbids whatever this kernel's Landlock can forbid. False where there is none. */
static bool landlock_enter(void)
{
    struct landlock_ruleset ruleset = {0};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION);
    bool entered;
    int fd;

    for (size_t i = 0; i < sizeof landlock_steps / sizeof landlock_steps[0]; i++)
        if (landlock_steps[i].version <= version)
            ruleset =
                (struct landlock_ruleset){landlock_steps[i].files, landlock_steps[i].network, landlock_steps[i].scoped};
    if (!ruleset.files)
        return false;
    fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    if (fd < 0)
        return false;
    entered = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    close(fd);
    return entered;
}

int sandbox_drop_rights(uint32_t needs, uint32_t *entered, struct failure *failure)
{
    if (capng_get_caps_process() < 0 || capabilities_drop(needs) < 0)
        return failure_set(failure, EXIT_FAILED, "cannot drop capabilities (%s; please report it)", strerror(errno));
    *entered |= XTOP_SANDBOX_RIGHTS;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return failure_set(failure, EXIT_FAILED, "cannot set no_new_privs (%s; please report it)", strerror(errno));
    *entered |= XTOP_SANDBOX_NO_NEW_PRIVILEGES;
    if (files_may_be_forbidden() && landlock_enter())
        *entered |= XTOP_SANDBOX_FILES;
    return 0;
}
