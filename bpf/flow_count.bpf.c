/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts flows where packets enter and leave the host's stack (tcx, or clsact filters) and lets every packet go on, to
 * programs behind it as well: its verdict is always "next".
 *
 * Maps are those of bpf/flow_sum.h. A flow that finds no room is counted in table_full, packet by packet; nothing is
 * ever pushed out, for what is pushed out could not be counted any more.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flow_sum.h"
#include "bpf/packet_headers.h"
#include "bpf/parse.bpf.h"
#include "bpf/parse_plain.bpf.h"
#include "bpf/sampling.bpf.h"

#define VERDICT_NEXT (-1) /* TCX_NEXT and TC_ACT_UNSPEC */
#define VLAN_TAG_SIZE 4

enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

/* User space sets the number of entries before it loads. */
#define FLOW_MAP(name)                    \
    struct {                              \
        __uint(type, BPF_MAP_TYPE_HASH);  \
        __uint(max_entries, 1024);        \
        __type(key, struct flow_sum_key); \
        __type(value, struct flow_sum);   \
    } name SEC(".maps")

FLOW_MAP(flow_sums_0);
FLOW_MAP(flow_sums_1);

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FLOW_EPOCHS);
    __type(key, uint32_t);
    __type(value, struct flow_counts);
} flow_counts SEC(".maps");

/* Room for one packet's parse on each CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct parse_state);
} flow_parse SEC(".maps");

/* Where the choice of packets stands on each CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct sampling_state);
} flow_sampling SEC(".maps");

/* Bytes before the IP header: 14 of Ethernet, or 0 for links without a header. Set before the program is loaded. */
const volatile uint32_t link_header = ETHERNET_HEADER;

/* The epoch to count into; user space turns it over. */
volatile uint32_t flow_epoch = 0;

static __always_inline uint32_t size_bin(uint32_t length)
{
    return (uint32_t)(length > 64) + (length > 128) + (length > 256) + (length > 512) + (length > 1024) +
           (length > 1518) + (length > 9216);
}

static __always_inline void sum_add(struct flow_sum *sum, const struct packet_fields *packet, uint32_t bin,
                                    uint64_t time)
{
    sum->packets++;
    sum->bytes += packet->bytes;
    sum->payload_bytes += packet->payload_bytes;
    sum->last_seen = time;
    if (!sum->first_ack && (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_ACK)
        sum->first_ack = time;
    sum->size_histogram[bin & (FLOW_SIZE_BINS - 1)]++;
    sum->tcp_options |= packet->tcp_options;
    sum->ipv4_options |= packet->ipv4_options;
    sum->tcp_flags |= packet->tcp_flags;
    sum->ipv6_extensions |= packet->ipv6_extensions;
    sum->ip_flags |= packet->ip_flags;
    sum->dscp = packet->dscp;
    if (packet->ttl < sum->ttl_min)
        sum->ttl_min = packet->ttl;
    if (packet->ttl > sum->ttl_max)
        sum->ttl_max = packet->ttl;
    if (packet->opens && sum->opens != 255)
        sum->opens++;
    sum->tcp_seen |= packet->tcp_seen;
}

/* False when the map has no room. */
static __always_inline bool flow_add(void *flow_sums, const struct parse_state *state, uint32_t bin, bool incoming)
{
    const struct packet_fields *packet = &state->packet;
    uint64_t time = bpf_ktime_get_ns();
    struct flow_sum *sum = bpf_map_lookup_elem(flow_sums, &state->key);

    if (!sum) {
        struct flow_sum fresh = {.first_seen = time, .ttl_min = packet->ttl, .ip_flags = incoming ? 0 : XTOP_IP_EGRESS};

        sum_add(&fresh, packet, bin, time);
        return bpf_map_update_elem(flow_sums, &state->key, &fresh, BPF_NOEXIST) == 0;
    }
    sum_add(sum, packet, bin, time);
    return true;
}

/*
 * Whether the packet is left out of the sample, and counted as such. What was not parsed may be of a protocol that the
 * host has no use for: its EtherType says so.
 */
static __always_inline bool leave_out(const struct __sk_buff *skb, struct flow_counts *counts, bool incoming)
{
    uint32_t type = bpf_ntohs((uint16_t)skb->protocol); /* network order */
    uint32_t zero = 0;
    struct sampling_state *state = bpf_map_lookup_elem(&flow_sampling, &zero);

    if (!state || sample_takes(state))
        return false;
    counts->sampled_out++;
    counts->unhandled += incoming && type != ETHERTYPE_ARP && type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6;
    return true;
}

/* A second VLAN tag is left in the frame for who has a device for the first; where nobody has, the host drops the frame. */
static __always_inline int count(struct __sk_buff *skb, bool incoming)
{
    uint32_t epoch = flow_epoch & 1; /* read once: flows and counters of a packet are of one epoch */
    struct flow_counts *counts = bpf_map_lookup_elem(&flow_counts, &epoch);
    uint32_t length = skb->len + (skb->vlan_present ? VLAN_TAG_SIZE : 0);
    uint32_t bin = size_bin(length);
    uint32_t zero = 0;
    struct parse_state *state = bpf_map_lookup_elem(&flow_parse, &zero);
    enum bpf_parse_result result;
    uint32_t sender = 0;

    if (!counts || !state)
        return VERDICT_NEXT;
    counts->received++;
    counts->received_bytes += length;
    if (sample_interval > 1 && leave_out(skb, counts, incoming))
        return VERDICT_NEXT;
    counts->packet_size[bin & (FLOW_SIZE_BINS - 1)]++;
    if (parse_plain(skb, link_header, state, &sender)) {
        result = BPF_PARSE_FLOW;
    } else {
        result = parse_skb(skb, link_header, state, &sender);
        counts->unhandled += incoming && result == BPF_PARSE_FLOW && skb->protocol == bpf_htons(ETHERTYPE_VLAN);
    }
    if (result == BPF_PARSE_NON_IP) {
        counts->non_ip++;
        counts->unhandled += incoming && state->type != ETHERTYPE_ARP;
        return VERDICT_NEXT;
    }
    if (result == BPF_PARSE_MALFORMED) {
        counts->malformed++;
        return VERDICT_NEXT;
    }
    counts->length_mismatch += state->packet.length_mismatch;
    state->key.place = bpf_get_smp_processor_id() << 1 | sender;
    if (!(epoch ? flow_add(&flow_sums_1, state, bin, incoming) : flow_add(&flow_sums_0, state, bin, incoming)))
        counts->table_full++;
    return VERDICT_NEXT;
}

/* "classifier" is the name that every libbpf knows. */
SEC("classifier")
int flow_count_in(struct __sk_buff *skb)
{
    return count(skb, true);
}

SEC("classifier")
int flow_count_out(struct __sk_buff *skb)
{
    return count(skb, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
