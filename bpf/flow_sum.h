/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the flow-counting program (bpf/flow_count.bpf.c) and its reader share: the content of its maps.
 *
 * All of it is counted twice over, for epoch 0 and epoch 1. The program counts into the epoch that `flow_epoch` names;
 * user space turns it over, waits until no program runs that saw the old value, and then has the old epoch to itself:
 * flows and counters of an epoch are of exactly the same packets.
 *
 * Times are those of CLOCK_MONOTONIC, ns.
 */
#ifndef XTOP_FLOW_SUM_H
#define XTOP_FLOW_SUM_H

#include "bpf/flow_key.h"

#define FLOW_EPOCHS 2
#define FLOW_SIZE_BINS 8 /* XTOP_SIZE_BINS */

/*
 * One direction of a flow as one CPU saw it. With the CPU in the key an entry has one writer, so that nothing needs to
 * be atomic, and a map is as large as what is really busy. (A per-CPU hash holds room for every CPU in every entry.)
 */
struct flow_sum_key {
    struct xtop_key key;
    uint32_t place; /* CPU * 2 + the end of the key that sends */
};

/* What it did in an epoch. The fields are those of xtop_direction and xtop_record. */
struct flow_sum {
    uint64_t packets;
    uint64_t bytes; /* IP bytes */
    uint64_t payload_bytes;
    uint64_t first_seen;
    uint64_t last_seen;
    uint64_t first_ack; /* of its first packet with ACK and no SYN; 0 = none */
    uint64_t tcp_options;
    uint32_t size_histogram[FLOW_SIZE_BINS];
    uint32_t ipv4_options;
    uint16_t tcp_flags;
    uint16_t ipv6_extensions;
    uint8_t ttl_min;
    uint8_t ttl_max;
    uint8_t dscp; /* of the last packet */
    uint8_t ip_flags;
    uint8_t opens;    /* packets that were a SYN without ACK or an ICMP echo request; stops at 255 */
    uint8_t tcp_seen; /* a packet had a TCP header to read */
    uint8_t padding[2];
};

/*
 * What one CPU counted in an epoch. received = packets of its flows + non_ip + malformed + sampled_out + table_full.
 */
struct flow_counts {
    uint64_t received;
    uint64_t received_bytes; /* frame bytes without FCS */
    uint64_t non_ip;
    uint64_t malformed;
    uint64_t sampled_out;
    uint64_t table_full; /* packets of flows for which the map had no room */
    uint64_t length_mismatch;
    uint64_t unhandled; /* came in, not as IP and not as ARP, so that the host may have no use for them */
    uint64_t packet_size[FLOW_SIZE_BINS];
};

#endif
