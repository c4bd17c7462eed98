/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What xtop-traffic and its XDP programs (bpf/demo_traffic.bpf.c) share.
 *
 * Flow f of exact traffic, f = 0, 1 ... flows - 1 in turn: UDP from 10.0.0.0 + f, port 1024 + f % 32768, to
 * 198.51.100.1, port 9999; no VLAN; TTL 64.
 */
#ifndef XTOP_DEMO_TRAFFIC_H
#define XTOP_DEMO_TRAFFIC_H

#include <linux/types.h>

#define TRAFFIC_SOURCE_ADDRESS 0x0a000000u      /* 10.0.0.0 */
#define TRAFFIC_DESTINATION_ADDRESS 0xc6336401u /* 198.51.100.1 */
#define TRAFFIC_SOURCE_PORT 1024u
#define TRAFFIC_SOURCE_PORTS 32768u
#define TRAFFIC_DESTINATION_PORT 9999u

#define TRAFFIC_SLOTS 4096u
#define TRAFFIC_SLOT_DATA 2040u
#define TRAFFIC_CPUS 1024u

/* A frame to replay. */
struct traffic_slot {
    __u32 length;   /* bytes of the frame, without FCS */
    __u32 captured; /* bytes of it in `data`; the rest is whatever the page held */
    __u8 data[TRAFFIC_SLOT_DATA];
};

/* Exact traffic: one, the first. Replay: one for each CPU, at its number, for frames of one CPU go out one by one. */
struct traffic_state {
    __u64 sent;     /* frames, since the start */
    __u32 next;     /* exact: flow of the next frame; replay: how many slots were read, modulo 2^32 */
    __u32 flows;    /* exact: how many */
    __u32 base;     /* replay: first slot of this CPU's part */
    __u32 size;     /* replay: slots in it, a power of two */
    __u16 checksum; /* exact: of the IP header with source address 0, as it lies in the header */
    __u16 padding[3];
};

#endif
