/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Real frames out of an interface, for the demo and for tests: BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES
 * (kernel 5.18, Documentation/bpf/bpf_prog_run.rst) runs one of these programs once a frame, and the frame then leaves by
 * the interface in `traffic_out`. The kernel uses the same few pages again and again and does not restore their
 * content, so each run writes all that differs between two frames.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/demo_traffic.h"

#define LOOPBACK_IFINDEX 1 /* of every network namespace; where a test run's frames seem to come from */

/* libbpf's headers have it since 0.8; Ubuntu 22.04's are older. */
static long (*const store_bytes)(struct xdp_md *context, __u32 offset, void *from, __u32 size) = (void *)190;

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} traffic_out SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, TRAFFIC_SLOTS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct traffic_slot);
} traffic_slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, TRAFFIC_CPUS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct traffic_state);
} traffic_state SEC(".maps");

/* RFC 1071, of one address put into a header whose checksum was computed with that address zero. */
static __always_inline __u16 checksum_with(__u16 checksum, __u32 address)
{
    __u32 sum = (__u16)~checksum;

    sum += (address & 0xffff) + (address >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)~sum;
}

/* UDP frames of `flows` flows in turn; which, says bpf/demo_traffic.h. The frame comes ready but for the flow. */
SEC("xdp")
int traffic_exact(struct xdp_md *context)
{
    struct ethhdr *ethernet = (void *)(long)context->data;
    struct iphdr *ip = (void *)(ethernet + 1);
    struct udphdr *udp = (void *)(ip + 1);
    __u32 zero = 0;
    struct traffic_state *state = bpf_map_lookup_elem(&traffic_state, &zero);
    __u32 flow;

    if (context->ingress_ifindex != LOOPBACK_IFINDEX)
        return XDP_PASS;
    if (!state || (void *)(udp + 1) > (void *)(long)context->data_end)
        return XDP_ABORTED;
    flow = state->next;
    state->next = flow + 1 < state->flows ? flow + 1 : 0;
    state->sent++;
    ip->saddr = bpf_htonl(TRAFFIC_SOURCE_ADDRESS + flow);
    ip->check = checksum_with(state->checksum, ip->saddr);
    udp->source = bpf_htons(TRAFFIC_SOURCE_PORT + flow % TRAFFIC_SOURCE_PORTS);
    return bpf_redirect_map(&traffic_out, 0, 0);
}

/* The frames that user space has laid in this CPU's slots, in order. */
SEC("xdp")
int traffic_replay(struct xdp_md *context)
{
    __u32 cpu = bpf_get_smp_processor_id();
    struct traffic_state *state = bpf_map_lookup_elem(&traffic_state, &cpu);
    struct traffic_slot *slot;
    __u32 at;
    __u32 captured;

    if (context->ingress_ifindex != LOOPBACK_IFINDEX)
        return XDP_PASS;
    if (!state)
        return XDP_ABORTED;
    at = state->base + (state->next & (state->size - 1));
    slot = bpf_map_lookup_elem(&traffic_slots, &at);
    if (!slot)
        return XDP_ABORTED;
    captured = slot->captured;
    /* Every run starts from a frame of TRAFFIC_SLOT_DATA bytes: the kernel does restore where data begins and ends. */
    if (bpf_xdp_adjust_tail(context, (int)slot->length - (int)TRAFFIC_SLOT_DATA))
        return XDP_ABORTED;
    if (captured < ETH_HLEN || captured > TRAFFIC_SLOT_DATA)
        return XDP_ABORTED;
    if (store_bytes(context, 0, slot->data, captured))
        return XDP_ABORTED;
    /* Read: from now on user space may lay another frame there. */
    __atomic_fetch_add(&state->next, 1, __ATOMIC_SEQ_CST);
    state->sent++;
    return bpf_redirect_map(&traffic_out, 0, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
