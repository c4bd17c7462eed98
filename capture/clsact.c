/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "capture/xdp_program.h"

/* The first priority, so that no filter before ours keeps packets from us. */
#define PRIORITY 1
#define HANDLE_QDISC_THEIRS 0x78740001u /* "xt", 1: the qdisc was there */
#define HANDLE_QDISC_OURS 0x78740002u   /* "xt", 2: we made it */
#define PROGRAM_NAME "flow_count_"      /* in, out: bpf/flow_count.bpf.c */

#define REPLY_SIZE 32768

/* How long the janitor of a capture that has just died may hold the lock still: ten seconds, of which it needs milliseconds. */
#define LOCK_TRIES 1000
#define CLAIM_TRIES 20 /* a janitor that was just forked has its parent's descriptors for a moment */
#define LOCK_PAUSE_NS 10000000

static const enum bpf_tc_attach_point points[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
static const uint32_t handles[] = {HANDLE_QDISC_THEIRS, HANDLE_QDISC_OURS};

/* An abstract address of the network namespace: whoever has bound it has it alone. A descriptor, or -errno. */
static int address_take(const char *what, uint32_t ifindex, int tries)
{
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "xtop-clsact-%s%u", what, ifindex);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? -errno : -EADDRINUSE;

    for (int i = 0; i < tries && error == -EADDRINUSE; i++) {
        if (i)
            nanosleep(&pause, NULL);
        error = bind(fd, (struct sockaddr *)&address, size) < 0 ? -errno : 0;
    }
    if (error && fd >= 0)
        close(fd);
    return error ? error : fd;
}

int clsact_claim(uint32_t ifindex)
{
    return address_take("capture-", ifindex, CLAIM_TRIES);
}

int clsact_lock(uint32_t ifindex)
{
    return address_take("", ifindex, LOCK_TRIES);
}

static uint32_t program_id(int fd)
{
    struct bpf_prog_info information = {0};
    uint32_t size = sizeof information;

    return bpf_obj_get_info_by_fd(fd, &information, &size) == 0 ? information.id : 0;
}

/* Whether the filter with `handle` at `point` is one of ours. */
static bool filter_is_ours(uint32_t ifindex, enum bpf_tc_attach_point point, uint32_t handle)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .handle = handle, .priority = PRIORITY);
    char name[32];

    if (bpf_tc_query(&hook, &filter) != 0)
        return false;
    xdp_program_name(filter.prog_id, name, sizeof name);
    /* "?": without CAP_SYS_ADMIN the name may not be asked for; handle and priority must do. */
    return strncmp(name, PROGRAM_NAME, strlen(PROGRAM_NAME)) == 0 || strcmp(name, "?") == 0;
}

static int filter_remove(uint32_t ifindex, enum bpf_tc_attach_point point, uint32_t handle)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .handle = handle, .priority = PRIORITY);

    return bpf_tc_detach(&hook, &filter);
}

static int filter_add(uint32_t ifindex, enum bpf_tc_attach_point point, uint32_t handle, int program_fd)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program_fd, .handle = handle, .priority = PRIORITY);

    return bpf_tc_attach(&hook, &filter);
}

/* One dump of the filters at `parent`: 1 when there is any, 0 when there is none, -errno. */
static int filters_dump(int netlink_fd, uint32_t ifindex, uint32_t parent)
{
    struct {
        struct nlmsghdr header;
        struct tcmsg filter;
    } request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = RTM_GETTFILTER,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .filter = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = parent},
    };
    _Alignas(struct nlmsghdr) char reply[REPLY_SIZE];
    int found = 0;

    if (send(netlink_fd, &request, sizeof request, 0) < 0)
        return -errno;
    for (;;) {
        ssize_t size = recv(netlink_fd, reply, sizeof reply, 0);
        const struct nlmsghdr *header = (const struct nlmsghdr *)reply;

        if (size < 0)
            return -errno;
        for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
            if (header->nlmsg_type == NLMSG_ERROR)
                return -EPROTO;
            if (header->nlmsg_type == NLMSG_DONE)
                return found;
            found = 1;
        }
    }
}

/* True when neither side of the qdisc has a filter; false when in doubt. */
static bool qdisc_is_empty(uint32_t ifindex)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool empty;

    if (fd < 0)
        return false;
    empty = filters_dump(fd, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) == 0 &&
            filters_dump(fd, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) == 0;
    close(fd);
    return empty;
}

static void qdisc_remove(uint32_t ifindex)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
                        .attach_point = (enum bpf_tc_attach_point)(BPF_TC_INGRESS | BPF_TC_EGRESS));

    if (qdisc_is_empty(ifindex))
        bpf_tc_hook_destroy(&hook);
}

/* Removes what is marked as xtop's: of an earlier run that nobody cleared up after. */
static void filters_clear(uint32_t ifindex)
{
    bool ours = false;

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            if (filter_is_ours(ifindex, points[i], handles[j]) && filter_remove(ifindex, points[i], handles[j]) == 0)
                ours |= handles[j] == HANDLE_QDISC_OURS;
    if (ours)
        qdisc_remove(ifindex);
}

/* Removes the filter of this run at `point`, unless somebody has put another program in its place. */
static void filter_take_off(const struct clsact *clsact, enum bpf_tc_attach_point point, uint32_t id)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)clsact->ifindex, .attach_point = point);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, filter, .handle = clsact->handle, .priority = PRIORITY);

    if (id && bpf_tc_query(&hook, &filter) == 0 && filter.prog_id == id)
        filter_remove(clsact->ifindex, point, clsact->handle);
}

static int filters_add(struct clsact *clsact, int in_fd, int out_fd)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)clsact->ifindex, .attach_point = BPF_TC_INGRESS);
    int error = bpf_tc_hook_create(&hook);

    if (error && error != -EEXIST)
        return error;
    clsact->handle = error ? HANDLE_QDISC_THEIRS : HANDLE_QDISC_OURS;
    error = filter_add(clsact->ifindex, BPF_TC_INGRESS, clsact->handle, in_fd);
    if (error == 0 && out_fd >= 0)
        error = filter_add(clsact->ifindex, BPF_TC_EGRESS, clsact->handle, out_fd);
    return error;
}

int clsact_attach(struct clsact *clsact, uint32_t ifindex, int in_fd, int out_fd)
{
    int error;

    *clsact =
        (struct clsact){.ifindex = ifindex, .in_id = program_id(in_fd), .out_id = out_fd >= 0 ? program_id(out_fd) : 0};
    filters_clear(ifindex);
    error = filters_add(clsact, in_fd, out_fd);
    if (error)
        clsact_detach(clsact);
    return error;
}

void clsact_detach(const struct clsact *clsact)
{
    filter_take_off(clsact, BPF_TC_INGRESS, clsact->in_id);
    filter_take_off(clsact, BPF_TC_EGRESS, clsact->out_id);
    if (clsact->handle == HANDLE_QDISC_OURS)
        qdisc_remove(clsact->ifindex);
}
