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

static int tcx_attach(struct flow_attachment *attachment, uint32_t ifindex, int in_fd, int out_fd)
{
    int error = tcx_link(in_fd, ifindex, TCX_INGRESS, &attachment->in_link);

    if (error == 0 && out_fd >= 0)
        error = tcx_link(out_fd, ifindex, TCX_EGRESS, &attachment->out_link);
    if (error)
        flow_detach(attachment);
    return error;
}

int flow_attach(struct flow_attachment *attachment, uint32_t ifindex, int in_fd, int out_fd, bool without_tcx)
{
    int error;

    *attachment = (struct flow_attachment){.in_link = -1, .out_link = -1, .clsact = {.lock_fd = -1}};
    if (!without_tcx) {
        error = tcx_attach(attachment, ifindex, in_fd, out_fd);
        /* An attach type that the kernel does not know is an invalid argument to it. */
        if (error != -EINVAL && error != -EOPNOTSUPP)
            return error;
    }
    return clsact_attach(&attachment->clsact, ifindex, in_fd, out_fd);
}

void flow_detach(struct flow_attachment *attachment)
{
    if (attachment->in_link >= 0)
        close(attachment->in_link);
    if (attachment->out_link >= 0)
        close(attachment->out_link);
    attachment->in_link = -1;
    attachment->out_link = -1;
    clsact_detach(&attachment->clsact);
}
