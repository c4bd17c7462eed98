/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What xtop-capture was asked to do. The command line is its only configuration: xtop (Python) reads files and
 * profiles and passes plain options on.
 */
#ifndef XTOP_OPTIONS_H
#define XTOP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/failure.h"
#include "capture/flow_abi.h"

#define OPTIONS_DEFAULT_RING 16384
#define OPTIONS_DEFAULT_MAX_FLOWS 1048576
#define OPTIONS_SAMPLING_MOST (1u << 24)

enum options_capture { OPTIONS_CAPTURE_AF_XDP, OPTIONS_CAPTURE_EBPF, OPTIONS_CAPTURE_AF_PACKET };
enum options_xdp { OPTIONS_XDP_BEST, OPTIONS_XDP_GENERIC, OPTIONS_XDP_NATIVE };
enum options_copy { OPTIONS_COPY_BEST, OPTIONS_COPY_COPY, OPTIONS_COPY_ZERO };

/* An interface, and how it is captured. */
struct options_link {
    const char *interface;
    enum options_capture capture;
    const char *reason; /* why that one, for the header */
};

/* Which packets are taken: 1 in `interval`, by count or, each by itself, by chance. */
struct sampling {
    uint32_t interval; /* 1 = every packet */
    bool random;
};

struct options {
    uint32_t source_kind; /* XTOP_SOURCE_ */

    /* interfaces */
    struct options_link link[XTOP_MAX_LINKS];
    uint32_t link_count;
    struct options_link here; /* of what a source is opened with: the one that it is for */
    const char *filter;       /* capture filter, pcap syntax; NULL = none */
    int netns_fd;             /* enter this network namespace first; -1 = stay */
    uint16_t queue[XTOP_MAX_QUEUES];
    uint32_t queue_count; /* 0 = every RX queue of the interface */
    uint32_t threads;     /* 0 = one a queue */
    int cpu[XTOP_MAX_QUEUES];
    uint32_t cpu_count; /* 0 = spread over the CPUs this process may use, near the NIC */
    enum options_xdp xdp;
    enum options_copy copy;
    bool no_keep_host; /* frames that the host needs are taken from it as well */
    bool busy_poll;
    uint32_t ring_size;    /* descriptors of the RX ring and of the fill ring; a power of two */
    bool ring_size_given;  /* else fewer where there is little memory */
    uint32_t kernel_flows; /* eBPF: entries of the kernel's flow map; 0 = enough for max_flows */
    bool clsact;           /* eBPF: as on a kernel without tcx */
    bool drain;            /* recycle frames without looking at them (the thesis's "processing turned off") */

    /* file */
    int file_fd;           /* the file, opened by the caller with its own rights */
    const char *file_name; /* for messages; "-" = standard input */
    bool realtime;         /* replay at the file's own pace */

    /* demo */
    uint64_t demo_seed;
    uint32_t demo_flows;   /* live flows at a time */
    uint64_t demo_packets; /* 0 = until stopped */
    uint32_t demo_rate;    /* packets a second; 0 = as fast as it goes */
    uint64_t demo_head;    /* packets that come at once, before the rate holds */

    /* flow table */
    uint32_t max_flows;
    uint64_t idle_timeout;   /* ns */
    uint64_t active_timeout; /* ns */
    uint32_t hash_seed;
    uint64_t dedup_window; /* ns: drop a frame that comes again within it; 0 = off */
    struct sampling sampling;
    bool byte_histogram;  /* count payload bytes by value */
    bool decap;           /* key flows on the innermost IP header */
    bool hash_seed_given; /* else a random one is drawn */
    bool lossless_ended;  /* the source waits for the owner's cursor rather than lap it (files) */

    /* control */
    int control_fd;          /* SOCK_SEQPACKET to the owner; -1 = run alone */
    const char *listen_name; /* viewers find the capture by it (control.h); NULL = not at all */
};

/* Fills `options` with the defaults. */
void options_default(struct options *options);

/*
 * Reads argv. Returns 0, or -1 with `failure` filled (usage); 1 when a question (--help, --version) was answered.
 * Strings in `options` point into argv.
 */
int options_parse(struct options *options, int argc, char **argv, struct failure *failure);

#endif
