/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hands each frame to the AF_XDP socket of the RX queue it came in by. Where no socket is bound the frame goes on to
 * the host's stack: bpf_redirect_map() returns its flags argument when the map has no entry (kernel 5.3).
 *
 * Frames that the host needs go on to it (`keep_host`): those to its own MAC addresses, broadcast, and the multicast that
 * links are run by. The destination's MAC decides and nothing else: what is addressed to the host's IP address at a
 * foreign MAC, the host's stack would throw away, and what a router forwards is addressed to its MAC only. So that the
 * totals miss nothing, the head of such a frame goes to user space through a ring buffer and is counted there like any
 * other; one that finds the ring full is counted here as lost. The frames of a mirror port have foreign addresses: they
 * cost one comparison.
 *
 * With sampling (`sample_interval` above 1) a frame that is not chosen ends here: it is counted, per CPU and queue, and
 * dropped, or passed on where the host needs it; no ring sees it.
 *
 * The same program is here twice. `xsk_redirect_fragments` says that it bears multi-buffer frames (kernel 5.18), which
 * drivers ask for before they let a program on a link with jumbo frames; user space loads one of the two.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/kept_frame.h"
#include "bpf/packet_headers.h"
#include "bpf/sampling.bpf.h"

#define XSK_REDIRECT_QUEUES 256 /* XTOP_MAX_QUEUES */
#define KEPT_RECORD_BYTES (sizeof(struct kept_frame) + BPF_RINGBUF_HDR_SZ)
#define ETHERNET_HEADER 14
#define MACS 12
#define ETHERTYPE_LEAST 1536 /* IEEE 802.3: less is a length, and the stack hears LLC */
#define VLAN_TAGS 2
#define GROUP_BIT (1ULL << 40) /* of a MAC as a number: multicast or broadcast */

/* Kernel 5.18, newer than the headers of Ubuntu 22.04; used by the fragments' program only. */
static __u64 (*buffer_length)(struct xdp_md *context) = (void *)188; /* bpf_xdp_get_buff_len */

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, XSK_REDIRECT_QUEUES);
    __type(key, __u32);
    __type(value, __u32);
} xsk_sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, KEPT_RING_BYTES);
} kept_frames SEC(".maps");

/* At the RX queue's number. A queue has one CPU at a time in most drivers, but not in all and not for ever. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XSK_REDIRECT_QUEUES);
    __type(key, __u32);
    __type(value, struct sampling_state);
} queue_sampling SEC(".maps");

const volatile bool keep_host = false;
struct kept_host host;
__u64 kept_lost;
__u64 kept_unheard; /* that the host's stack may have no use for: it counts them in rx_dropped */

static __always_inline __u64 destination_mac(const void *frame)
{
    return (__u64)bpf_ntohl(*(const __u32 *)frame) << 16 | bpf_ntohs(*(const __u16 *)(frame + 4));
}

/* Multicast that never leaves its link and without which the link, or the host's routing, fails. */
static __always_inline bool is_control_group(__u64 mac)
{
    switch (mac >> 8) {
    case 0x0180c20000: /* IEEE 802: STP, LLDP, LACP, 802.1X */
    case 0x01005e0000: /* 224.0.0.0/24: OSPF, VRRP, IGMP, RIP, mDNS */
    case 0x3333000000: /* ff02::/120: neighbour discovery, OSPFv3, VRRPv3, MLD */
    case 0x3333000100: /* ff02::1:0/120: DHCPv6, LLMNR */
        return true;
    }
    return mac == 0xffffffffffff || mac >> 24 == 0x3333ff /* solicited nodes */ || mac == 0x01000ccccccc /* CDP */ ||
           mac == 0x01000ccccccd /* PVST+ */ || mac == 0x011b19000000 /* PTP */;
}

static __always_inline bool is_for_host(__u64 mac)
{
    if (mac & GROUP_BIT)
        return is_control_group(mac);
    for (__u32 i = 0; i < KEPT_FRAME_MACS && i < host.mac_count; i++)
        if (host.mac[i] == mac)
            return true;
    return false;
}

/* Whether a host listens to frames of this kind for certain; by its EtherType, behind VLAN tags. */
static __always_inline bool is_heard(const struct xdp_md *context)
{
    const __u16 *type = (const void *)(long)context->data + MACS;
    const void *end = (const void *)(long)context->data_end;

    for (__u32 i = 0; i < VLAN_TAGS; i++, type += 2) {
        if ((const void *)(type + 1) > end)
            return true;
        if (*type != bpf_htons(ETHERTYPE_VLAN) && *type != bpf_htons(ETHERTYPE_QINQ))
            break;
    }
    if ((const void *)(type + 1) > end || bpf_ntohs(*type) < ETHERTYPE_LEAST)
        return true;
    return *type == bpf_htons(ETHERTYPE_IPV4) || *type == bpf_htons(ETHERTYPE_IPV6) ||
           *type == bpf_htons(ETHERTYPE_ARP);
}

/* Copies the head of the frame: whole words, then what is left. */
static __always_inline void kept_fill(struct kept_frame *kept, const void *data, const void *end)
{
    __u32 words = 0;
    __u32 bytes = 0;

    for (; words < KEPT_FRAME_BYTES / 8; words++) {
        const __u64 *from = data + words * 8;

        if ((const void *)(from + 1) > end)
            break;
        kept->word[words] = *from;
    }
    for (; words < KEPT_FRAME_BYTES / 8 && bytes < 8; bytes++) {
        const __u8 *from = data + words * 8 + bytes;

        if ((const void *)(from + 1) > end)
            break;
        kept->data[words * 8 + bytes] = *from;
    }
    kept->captured = words * 8 + bytes;
}

/*
 * To wake the reader costs microseconds, a hundred times the rest. It looks at the ring some times a second anyway, so it
 * is woken only when an eighth of it is full: once, when that mark is passed. Should two CPUs pass it in one step, it
 * comes when its time has come.
 */
static __always_inline __u64 wakeup_flag(void)
{
    __u64 waiting = bpf_ringbuf_query(&kept_frames, BPF_RB_AVAIL_DATA);
    bool passes = waiting >= KEPT_RING_BYTES / 8 && waiting < KEPT_RING_BYTES / 8 + KEPT_RECORD_BYTES;

    return passes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Not inlined: the path of all other frames stays short. */
static __noinline int keep(struct xdp_md *context, __u32 length)
{
    const void *data = (const void *)(long)context->data;
    const void *end = (const void *)(long)context->data_end;
    __u32 queue = context->rx_queue_index;
    struct kept_frame *kept;

    if (!bpf_map_lookup_elem(&xsk_sockets, &queue))
        return XDP_PASS; /* a queue that is not watched */
    kept = bpf_ringbuf_reserve(&kept_frames, sizeof *kept, 0);
    if (!kept) {
        __sync_fetch_and_add(&kept_lost, 1);
        return XDP_PASS;
    }
    kept->length = length;
    kept_fill(kept, data, end);
    bpf_ringbuf_submit(kept, wakeup_flag());
    return XDP_PASS;
}

static __always_inline bool host_needs(const struct xdp_md *context)
{
    const void *data = (const void *)(long)context->data;
    const void *end = (const void *)(long)context->data_end;

    return keep_host && data + ETHERNET_HEADER <= end && is_for_host(destination_mac(data));
}

static __always_inline __u32 frame_length(struct xdp_md *context, bool fragments)
{
    return fragments ? (__u32)buffer_length(context) : context->data_end - context->data;
}

/* Counts a frame that is left out of the sample. False: it is taken, or its queue is not watched. */
static __always_inline bool leave_out(struct xdp_md *context, bool fragments, bool kept)
{
    __u32 queue = context->rx_queue_index;
    struct sampling_state *state = bpf_map_lookup_elem(&queue_sampling, &queue);

    if (!state || !bpf_map_lookup_elem(&xsk_sockets, &queue) || sample_takes(state))
        return false;
    state->packets++;
    state->bytes += frame_length(context, fragments);
    state->dropped += !kept;
    return true;
}

static __always_inline int redirect(struct xdp_md *context, bool fragments)
{
    bool kept = host_needs(context);

    if (kept && !is_heard(context))
        __sync_fetch_and_add(&kept_unheard, 1);
    if (sample_interval > 1 && leave_out(context, fragments, kept))
        return kept ? XDP_PASS : XDP_DROP;
    if (kept)
        return keep(context, frame_length(context, fragments));
    return bpf_redirect_map(&xsk_sockets, context->rx_queue_index, XDP_PASS);
}

SEC("xdp")
int xsk_redirect(struct xdp_md *context)
{
    return redirect(context, false);
}

SEC("xdp.frags")
int xsk_redirect_fragments(struct xdp_md *context)
{
    return redirect(context, true);
}

char _license[] SEC("license") = "Dual BSD/GPL";
