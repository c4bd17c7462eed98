/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A source of frames: five functions and nothing else. The worker's loop is the same for all of them.
 *
 *   open        once, on the main thread: makes every queue
 *   take        a burst of frames, without waiting
 *   recycle     gives a burst's frames back; no frame of it may be read afterwards
 *   statistics  the kernel's counters of what never arrived (a system call: the worker asks some times a second)
 *   close       once, on the main thread, after the workers have stopped
 *
 * take, recycle and statistics of one queue are called by one thread only. Between takes that bring nothing the
 * worker sleeps in poll(2) on `fd`, for `wait_ms` at most.
 */
#ifndef XTOP_SOURCE_H
#define XTOP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/failure.h"
#include "capture/flow_abi.h"
#include "capture/flow_epoch.h"
#include "capture/options.h"
#include "capture/parse.h"

#define SOURCE_BURST 64

#define FRAME_EGRESS UINT64_C(1) /* frame.cookie: it left this host */

struct frame {
    const uint8_t *data;
    uint32_t captured; /* bytes at `data` */
    uint32_t length;   /* bytes on the wire, without FCS; >= captured */
    uint64_t time;     /* ns since the epoch; only when burst.timed, else the burst's time holds */
    uint64_t cookie;   /* the source's own: UMEM address; FRAME_EGRESS where it says so of its frames */
};

struct burst {
    uint32_t count;
    bool timed;          /* frames bring their own time */
    uint32_t next_count; /* of next */
    struct frame frame[SOURCE_BURST];
    const uint8_t *next[SOURCE_BURST]; /* frames that lie ready for the next burst: fetched while this one is counted */
};

enum source_result {
    SOURCE_FRAMES, /* burst.count frames */
    SOURCE_IDLE,   /* none now */
    SOURCE_END,    /* none ever again (burst may still hold the last ones) */
    SOURCE_FAILED, /* none ever again, and queue->failure says why (burst may still hold the last ones) */
};

/* The head of every source's own queue structure. */
struct source_queue {
    const struct source *source; /* whose it is; set when the source is open */
    int fd;                      /* to poll(2) for POLLIN; -1 = nothing to wait on */
    int other_fd;                /* a second one to poll(2); 0 = none */
    int wait_ms;                 /* longest sleep when idle */
    uint32_t ring_frames;        /* the most that can lie ready in rings of the kernel's; 0 = there are none */
    uint32_t number;             /* RX queue number */
    enum link_type link;         /* of every frame */
    bool tells_egress;           /* frames have FRAME_EGRESS, or have it not, in their cookies */
    bool own_clock;              /* frames bring their time, but the clock goes on without them (live capture) */
    struct failure failure;
};

struct source;

struct source_operations {
    const char *name; /* as in the snapshot's source.capture */

    /*
     * Looks at what is to be captured and does what can be done beforehand; traffic goes on untouched. Says in
     * queues_expected how many queues there will be. `options` outlive the source. Returns 0, or -1 with `failure`;
     * nothing is left behind then.
     */
    int (*open)(struct source *source, const struct options *options, struct failure *failure);
    /*
     * Takes hold of the traffic: fills source->queue[], queue_count (which may be others than expected), xdp_mode ...
     * The table is there: from here on frames may wait in rings, so nothing else that takes long may come after it.
     * Returns 0, or -1 with `failure`, and then close() comes. NULL = open() did.
     */
    int (*attach)(struct source *source, const struct options *options, struct failure *failure);
    /* Lets frames come, once everything stands that takes them. Returns 0, or -1 with `failure`. NULL = they come already. */
    int (*begin)(struct source *source, struct failure *failure);
    enum source_result (*take)(struct source_queue *queue, struct burst *burst);
    void (*recycle)(struct source_queue *queue, const struct burst *burst);
    /*
     * Writes rx_* , ring_dropped and wakeups of `counters`, as totals since the start, and adds to `received` what
     * `sampled_out` has grown by where the source samples; leaves the others alone.
     */
    void (*statistics)(struct source_queue *queue, struct xtop_queue *counters);
    /*
     * At the end, each on a thread of its own, since it waits in the kernel (parting.h): lets go of what is the queue's
     * own, by the queue's worker, and of the traffic, by the main thread. NULL = close() does.
     */
    void (*let_go)(struct source_queue *queue);
    void (*detach)(struct source *source);
    void (*close)(struct source *source);

    /*
     * Instead of take and recycle, for a source that counts in the kernel: what was counted since the last time, valid
     * until the next. SOURCE_IDLE when it is not time yet (queue->wait_ms says when), which `at_once` overrules. NULL
     * for sources of frames.
     */
    enum source_result (*take_epoch)(struct source_queue *queue, struct flow_epoch *epoch, bool at_once);
};

struct source {
    const struct source_operations *operations;
    struct source_queue *queue[XTOP_MAX_QUEUES];
    uint32_t queue_count;
    uint32_t queues_expected; /* by open(), where attach() makes them */
    void *private;            /* what the queues share */
    int parting_fd;           /* holds something in the kernel until it is closed, by capture.c; -1 = nothing */

    /* What came of the options, for the header. */
    uint32_t xdp_mode; /* XTOP_XDP_ */
    bool zero_copy;
    bool busy_poll;         /* the worker does not sleep in poll(2) between takes */
    bool filters;           /* options->filter is in force in the kernel: what it rejects never comes */
    bool samples;           /* options->sampling is in force in the kernel, and statistics() tells what it left out */
    int datalink;           /* of the frames, in libpcap's numbers (DLT_); Ethernet unless the source says otherwise */
    uint32_t sandbox_needs; /* SANDBOX_ bits of sandbox.h */
    uint32_t ring_size;
    uint32_t ifindex;
    uint32_t link; /* XTOP_LINK_, as nic_dropped() found it last */
    char driver[32];
    char notes[1024]; /* a line for each thing that was tried and left, with the reason */

    /*
     * Frames the driver or the device lost since open, or 0; called by the main thread some times a second, and looks
     * at the interface's other state, too. NULL = no device.
     */
    uint64_t (*nic_dropped)(struct source *source);
};

extern const struct source_operations source_af_xdp;
extern const struct source_operations source_af_packet;
extern const struct source_operations source_ebpf;
extern const struct source_operations source_file;
extern const struct source_operations source_demo;

#endif
