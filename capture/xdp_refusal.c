/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/xdp_refusal.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/xdp_program.h"

#ifndef CAP_BPF
#define CAP_PERFMON 38 /* kernel 5.8 */
#define CAP_BPF 39
#endif

static const struct {
    unsigned int number;
    const char *name;
} needed_capability[] = {
    {CAP_NET_ADMIN, "CAP_NET_ADMIN"}, /* attach XDP, fill the XSKMAP */
    {CAP_NET_RAW, "CAP_NET_RAW"},     /* socket(AF_XDP) */
    {CAP_BPF, "CAP_BPF"},             /* load a program */
    {CAP_PERFMON, "CAP_PERFMON"},     /* load one whose pointers are reckoned with: the verifier asks for it */
};

#define NEEDED_COUNT (sizeof needed_capability / sizeof needed_capability[0])

static bool capability_held(unsigned int number)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    return data[number / 32].effective >> number % 32 & 1;
}

/* "CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF are missing"; empty when the process has them all. */
static void missing_capabilities(char *text, size_t size)
{
    const char *missing[NEEDED_COUNT];
    size_t count = 0;
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < NEEDED_COUNT; i++)
        if (!capability_held(needed_capability[i].number))
            missing[count++] = needed_capability[i].name;
    for (size_t i = 0; i < count && used < size; i++) {
        const char *before = i == 0 ? "" : i + 1 == count ? " and " : ", ";

        used += (size_t)snprintf(text + used, size - used, "%s%s", before, missing[i]);
    }
    if (count && used < size)
        snprintf(text + used, size - used, count == 1 ? " is missing" : " are missing");
}

static void own_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);

    if (length < 0)
        length = snprintf(path, size, "xtop-capture");
    path[length] = '\0';
}

bool refusal_of_program_is_rights(int error)
{
    /* libbpf 0.5 (Ubuntu 22.04) has a number of its own for whatever the verifier wrote words about. */
    bool verifier = error == -EACCES || error == -LIBBPF_ERRNO__VERIFY;

    return error == -EPERM || (verifier && !capability_held(CAP_PERFMON) && !capability_held(CAP_SYS_ADMIN));
}

int refusal_rights(struct failure *failure, const char *what)
{
    char missing[96];
    char path[120];

    missing_capabilities(missing, sizeof missing);
    if (!missing[0])
        return failure_set(failure, EXIT_RIGHTS,
                           "cannot %s (the kernel refuses although the capabilities are there: a container or a user "
                           "namespace holds them back; run as root of the host)",
                           what);
    own_path(path, sizeof path);
    return failure_set(
        failure, EXIT_RIGHTS,
        "cannot %s (%s; run as root or: sudo setcap cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock+ep %s)",
        what, missing, path);
}

int refusal_packet_rights(struct failure *failure, const char *interface)
{
    char path[120];

    own_path(path, sizeof path);
    return failure_set(failure, EXIT_RIGHTS,
                       "cannot open a packet socket on %s (CAP_NET_RAW is missing; run as root or: sudo setcap "
                       "cap_net_raw+ep %s)",
                       interface, path);
}

int refusal_foreign_program(struct failure *failure, const char *interface, uint32_t id)
{
    char name[32];

    xdp_program_name(id, name, sizeof name);
    return failure_set(failure, EXIT_USAGE,
                       "%s already has an XDP program (id %" PRIu32 ", name %s, not xtop's to remove; stop what loaded "
                       "it or use --capture af_packet)",
                       interface, id, name);
}

int refusal_memory(struct failure *failure, const char *interface, uint64_t bytes, int error)
{
    if (error == -ENOBUFS && !capability_held(CAP_IPC_LOCK))
        return failure_set(failure, EXIT_RIGHTS,
                           "cannot lock %" PRIu64
                           " KiB of memory for a queue of %s (CAP_IPC_LOCK is missing and ulimit "
                           "-l is too low; add cap_ipc_lock, raise the limit or make the rings smaller)",
                           bytes / 1024, interface);
    return failure_set(failure, EXIT_FAILED,
                       "no memory for a queue of %s (%" PRIu64 " KiB: %s; make the rings smaller)", interface,
                       bytes / 1024, strerror(-error));
}

uint64_t refusal_memory_limit(void)
{
    struct rlimit limit;

    if (capability_held(CAP_IPC_LOCK) || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}
