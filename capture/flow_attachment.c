/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_attachment.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

/* Kernel 6.6; the headers of the distributions that we build on are older (linux/bpf.h). */
#define TCX_INGRESS 46      /* BPF_TCX_INGRESS */
#define TCX_EGRESS 47       /* BPF_TCX_EGRESS */
#define TCX_FIRST (1u << 3) /* BPF_F_BEFORE, with nothing named: before all others */

static int tcx_link(int program_fd, uint32_t ifindex, int hook, int *link)
{
    DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options, .flags = TCX_FIRST);
    int fd = bpf_link_create(program_fd, (int)ifindex, (enum bpf_attach_type)hook, &options);

    if (fd < 0)
        return errno > 0 ? -errno : fd;
    *link = fd;
    return 0;
}

static int tcx_attach(struct flow_attachment *attachment)
{
    int error = tcx_link(attachment->in_fd, attachment->ifindex, TCX_INGRESS, &attachment->in_link);

    if (error == 0 && attachment->out_fd >= 0)
        error = tcx_link(attachment->out_fd, attachment->ifindex, TCX_EGRESS, &attachment->out_link);
    if (error)
        flow_detach(attachment);
    return error;
}

/* A hook that the kernel does not know is an invalid argument to it. A right that is missing shows when we attach. */
static bool tcx_is_there(uint32_t ifindex)
{
    uint32_t flags = 0, count = 0;

    return bpf_prog_query((int)ifindex, (enum bpf_attach_type)TCX_INGRESS, 0, &flags, NULL, &count) == 0 ||
           errno != EINVAL;
}

int flow_attachment_open(struct flow_attachment *attachment, uint32_t ifindex, int in_fd, int out_fd, bool without_tcx)
{
    *attachment = FLOW_ATTACHMENT_NONE;
    attachment->ifindex = ifindex;
    attachment->in_fd = in_fd;
    attachment->out_fd = out_fd;
    if (!without_tcx && tcx_is_there(ifindex))
        return 0;
    return clsact_janitor_start(&attachment->janitor, ifindex, in_fd, out_fd);
}

bool flow_attachment_is_tcx(const struct flow_attachment *attachment)
{
    return attachment->janitor.ask_fd < 0;
}

int flow_attach(struct flow_attachment *attachment)
{
    return flow_attachment_is_tcx(attachment) ? tcx_attach(attachment) : clsact_janitor_attach(&attachment->janitor);
}

void flow_detach(struct flow_attachment *attachment)
{
    if (attachment->in_link >= 0)
        close(attachment->in_link);
    if (attachment->out_link >= 0)
        close(attachment->out_link);
    attachment->in_link = -1;
    attachment->out_link = -1;
    clsact_janitor_end(&attachment->janitor);
}
