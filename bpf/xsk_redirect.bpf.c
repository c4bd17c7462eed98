/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hands each frame to the AF_XDP socket of the RX queue it came in by. Where no socket is bound the frame goes on to
 * the host's stack: bpf_redirect_map() returns its flags argument when the map has no entry (kernel 5.3).
 *
 * The same program is here twice. `xsk_redirect_fragments` says that it bears multi-buffer frames (kernel 5.18), which
 * drivers ask for before they let a program on a link with jumbo frames; user space loads one of the two.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define XSK_REDIRECT_QUEUES 256 /* XTOP_MAX_QUEUES */

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, XSK_REDIRECT_QUEUES);
    __type(key, __u32);
    __type(value, __u32);
} xsk_sockets SEC(".maps");

SEC("xdp")
int xsk_redirect(struct xdp_md *context)
{
    return bpf_redirect_map(&xsk_sockets, context->rx_queue_index, XDP_PASS);
}

SEC("xdp.frags")
int xsk_redirect_fragments(struct xdp_md *context)
{
    return bpf_redirect_map(&xsk_sockets, context->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "Dual BSD/GPL";
