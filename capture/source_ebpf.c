/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source `ebpf`: the kernel counts flows where packets enter and leave the host's stack, and every packet goes on.
 * Sums come here instead of frames, ten times a second.
 *
 * It has one queue, whatever the link has: packets are counted behind the driver, in and out, on whichever CPU they
 * are. What this way of capture cannot know is told in the notes.
 *
 * Losses are those before the hook: rx_dropped + rx_missed_errors + rx_fifo_errors of the interface. The stack counts
 * in rx_dropped, too, what it had no use for behind the hook, frames of a protocol that nobody speaks (LLDP on a
 * workstation); these were received and counted as non_ip, so as many are taken off again.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/driver_losses.h"
#include "capture/flow_attachment.h"
#include "capture/flow_counter.h"
#include "capture/link_stats.h"
#include "capture/monotonic_clock.h"
#include "capture/sandbox.h"
#include "capture/source.h"
#include "capture/xdp_refusal.h"

#define ETHERNET_HEADER_SIZE 14

#define EPOCH_EVERY UINT64_C(100000000) /* ns: how often sums are taken */

/* Entries of the flow map of an epoch: flow directions a CPU that are busy within 0.1 s. 200 bytes each, twice. */
#define ENTRIES_LEAST 16384u
#define ENTRIES_MOST 131072u

struct ebpf {
    struct source_queue queue; /* the only one */
    struct flow_counter counter;
    struct flow_attachment attachment;
    const char *interface;
    uint32_t ifindex;
    uint16_t hardware;
    int netlink_fd;
    uint64_t due; /* ns, CLOCK_MONOTONIC: next turn of the epoch */
    uint64_t dropped_before;
    struct driver_losses driver_losses;
    uint64_t unhandled;    /* frames that the stack may have counted in rx_dropped behind the hook */
    _Atomic uint64_t lost; /* frames that were dropped before it */
};

/* Bytes before the IP header of a link's packets, or -1 when we cannot read them. */
static int link_header_size(uint16_t hardware)
{
    switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        return ETHERNET_HEADER_SIZE;
    case ARPHRD_NONE: /* tun, WireGuard */
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_VOID:
        return 0;
    default:
        return -1;
    }
}

static int look_at_interface(struct source *source, const struct options *options, struct failure *failure)
{
    struct ebpf *capture = source->private;
    const char *interface = options->here.interface;
    struct link_state state;

    capture->interface = interface;
    capture->ifindex = link_index(capture->netlink_fd, interface);
    if (!capture->ifindex || link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return failure_set(failure, EXIT_USAGE, "no interface %s (see: ip link)", interface);
    if (!state.up)
        return failure_set(failure, EXIT_USAGE, "interface %s is down (nothing arrives; ip link set %s up)", interface,
                           interface);
    if (link_header_size(state.hardware) < 0)
        return failure_set(failure, EXIT_USAGE,
                           "cannot count on %s in the kernel (its packets are of link type %u, which the program does "
                           "not read; use --capture af_packet)",
                           interface, state.hardware);
    capture->hardware = state.hardware;
    source->ifindex = capture->ifindex;
    link_driver(capture->netlink_fd, interface, source->driver);
    if (!source->driver[0])
        snprintf(source->driver, sizeof source->driver, "unnamed");
    driver_losses_open(&capture->driver_losses, capture->netlink_fd, interface, source->driver);
    return 0;
}

/* What belongs to frames and their rings has no meaning here. */
static int check_options(const struct options *options, struct failure *failure)
{
    static const char text[] = "%s is not for eBPF counting (%s; leave it out or use --capture af_xdp)";

    if (options->filter)
        return failure_set(failure, EXIT_USAGE,
                           "--filter is not for eBPF counting, which counts all (use --capture af_packet)");
    if (options->queue_count)
        return failure_set(failure, EXIT_USAGE, text, "-q", "packets of all queues are counted behind the driver");
    if (options->xdp != OPTIONS_XDP_BEST)
        return failure_set(failure, EXIT_USAGE, text, options->xdp == OPTIONS_XDP_GENERIC ? "-S" : "-N",
                           "nothing is attached to XDP");
    if (options->copy != OPTIONS_COPY_BEST)
        return failure_set(failure, EXIT_USAGE, text, options->copy == OPTIONS_COPY_ZERO ? "-z" : "-c",
                           "no packet leaves the kernel");
    if (options->busy_poll)
        return failure_set(failure, EXIT_USAGE, text, "--busy-poll", "there is no ring to poll");
    return 0;
}

static int refuse_load(struct ebpf *capture, int error, struct failure *failure)
{
    struct utsname system = {0};
    char what[64];

    snprintf(what, sizeof what, "count on %s in the kernel", capture->interface);
    if (refusal_of_program_is_rights(error))
        return refusal_rights(failure, what);
    if (error == -ENOMEM)
        return failure_set(failure, EXIT_FAILED, "cannot %s (no memory for its flow maps; lower --max-flows)", what);
    uname(&system);
    return failure_set(
        failure, EXIT_USAGE,
        "cannot %s (Linux %.32s does not load the program: %s; 5.15 or newer is needed, or use --capture "
        "af_packet)",
        what, system.release, strerror(-error));
}

static int refuse_attach(struct ebpf *capture, int error, struct failure *failure)
{
    char what[64];

    snprintf(what, sizeof what, "attach to %s", capture->interface);
    if (error == -EPERM || error == -EACCES)
        return refusal_rights(failure, what);
    if (error == -EADDRINUSE)
        return failure_set(failure, EXIT_USAGE,
                           "cannot %s (another xtop counts there and this kernel has room for one; xtop attach %s "
                           "shows what it sees)",
                           what, capture->interface);
    return failure_set(failure, EXIT_USAGE, "cannot %s (neither tcx nor clsact: %s; use --capture af_packet)", what,
                       strerror(-error));
}

static uint32_t entries_wanted(const struct options *options)
{
    uint32_t both = options->max_flows < ENTRIES_MOST / 2 ? options->max_flows * 2 : ENTRIES_MOST;

    if (options->kernel_flows)
        return options->kernel_flows;
    return both < ENTRIES_LEAST ? ENTRIES_LEAST : both;
}

static int load_counter(struct ebpf *capture, const struct options *options, struct failure *failure)
{
    int error = flow_counter_load(&capture->counter, (uint32_t)link_header_size(capture->hardware),
                                  entries_wanted(options), options->sampling);
    int out_fd;

    if (error)
        return refuse_load(capture, error, failure);
    /* What leaves by loopback arrives there at once: it would be counted twice. */
    out_fd = capture->hardware == ARPHRD_LOOPBACK ? -1 : flow_counter_out_fd(&capture->counter);
    error = flow_attachment_open(&capture->attachment, capture->ifindex, flow_counter_in_fd(&capture->counter), out_fd,
                                 options->clsact);
    return error ? refuse_attach(capture, error, failure) : 0;
}

static void write_notes(struct source *source)
{
    const struct ebpf *capture = source->private;

    snprintf(
        source->notes, sizeof source->notes,
        "counted in the kernel, %s, behind GRO and before segmentation: one row for all queues, sizes as in "
        "tcpdump\n"
        "not known to this capture: what is in a tunnel, byte histograms, TCP segments sent again (but a SYN), out "
        "of order or without a window\n"
        "%s",
        capture->hardware == ARPHRD_LOOPBACK ? "once as a packet arrives" : "in and out",
        flow_attachment_is_tcx(&capture->attachment) ? ""
                                                     : "no tcx in this kernel (6.6 has it): attached as clsact "
                                                       "filters, which " CLSACT_JANITOR_NAME " takes off\n");
}

static uint64_t ebpf_nic_dropped(struct source *source);
static void ebpf_close(struct source *source);

static int ebpf_open(struct source *source, const struct options *options, struct failure *failure)
{
    struct ebpf *capture = calloc(1, sizeof *capture);

    /* A failure is one line, and it is ours: libbpf would add its own on stderr. */
    libbpf_set_print(NULL);
    if (!capture)
        return failure_set(failure, EXIT_FAILED, "out of memory");
    source->private = capture;
    capture->counter = (struct flow_counter){.turn_fd = -1, .turn_inner_fd = -1};
    capture->attachment = FLOW_ATTACHMENT_NONE;
    capture->netlink_fd = link_open();
    if (capture->netlink_fd < 0) {
        failure_set(failure, EXIT_FAILED, "cannot ask for interfaces (rtnetlink: %s)", strerror(-capture->netlink_fd));
        goto failed;
    }
    if (check_options(options, failure) < 0 || look_at_interface(source, options, failure) < 0 ||
        load_counter(capture, options, failure) < 0)
        goto failed;
    capture->queue = (struct source_queue){.fd = -1, .wait_ms = EPOCH_EVERY / 1000000};
    source->queue[0] = &capture->queue;
    source->queue_count = 1;
    source->samples = true;
    source->nic_dropped = ebpf_nic_dropped;
    return 0;
failed:
    ebpf_close(source);
    return -1;
}

static int ebpf_attach(struct source *source, const struct options *options, struct failure *failure)
{
    struct ebpf *capture = source->private;
    struct link_state state = {0};
    int error;

    (void)options;
    (void)link_read(capture->netlink_fd, capture->ifindex, &state);
    capture->dropped_before = state.dropped + driver_losses_read(&capture->driver_losses);
    error = flow_attach(&capture->attachment);
    if (error)
        return refuse_attach(capture, error, failure);
    source->sandbox_needs = SANDBOX_BPF_MAPS | (driver_losses_there(&capture->driver_losses) ? SANDBOX_ETHTOOL : 0);
    write_notes(source);
    return 0;
}

static void ebpf_close(struct source *source)
{
    struct ebpf *capture = source->private;

    if (!capture)
        return;
    flow_detach(&capture->attachment);
    flow_counter_unload(&capture->counter);
    driver_losses_close(&capture->driver_losses);
    if (capture->netlink_fd >= 0)
        close(capture->netlink_fd);
    free(capture);
    source->private = NULL;
    source->nic_dropped = NULL;
}

/*
 * `dropped` was read before the epoch was taken, `unhandled` goes up to its end: what is between the two can only make
 * the difference too small for a moment, never too large.
 */
static void note_losses(struct ebpf *capture, uint64_t dropped)
{
    uint64_t before = capture->dropped_before + capture->unhandled;

    if (dropped > before && dropped - before > atomic_load_explicit(&capture->lost, memory_order_relaxed))
        atomic_store_explicit(&capture->lost, dropped - before, memory_order_relaxed);
}

static enum source_result ebpf_take_epoch(struct source_queue *queue, struct flow_epoch *epoch, bool at_once)
{
    struct ebpf *capture = (struct ebpf *)queue; /* its first member */
    uint64_t now = monotonic_now();
    struct link_state state = {0};
    uint64_t received = 0;
    bool gone;
    int error;

    if (!at_once && now < capture->due) {
        queue->wait_ms = (int)((capture->due - now) / 1000000) + 1;
        return SOURCE_IDLE;
    }
    capture->due = now + EPOCH_EVERY;
    queue->wait_ms = EPOCH_EVERY / 1000000;
    /* The programs go with the interface: nothing will ever be counted again. */
    gone = link_read(capture->netlink_fd, capture->ifindex, &state) == -ENODEV;
    state.dropped += driver_losses_read(&capture->driver_losses);
    epoch->until = now;
    error = flow_counter_received(&capture->counter, &received);
    if (error == 0 && received)
        error = flow_counter_turn(&capture->counter, epoch);
    capture->unhandled += epoch->counts.unhandled;
    note_losses(capture, state.dropped);
    if (error) {
        failure_set(&queue->failure, EXIT_FAILED,
                    "cannot read the flows that the kernel counted on %s (%s; start again)", capture->interface,
                    strerror(-error));
        return SOURCE_FAILED;
    }
    if (gone) {
        failure_set(&queue->failure, EXIT_FAILED,
                    "interface %s is gone (removed while capturing; start again when it is back)", capture->interface);
        return SOURCE_FAILED;
    }
    return received ? SOURCE_FRAMES : SOURCE_IDLE;
}

/* There are no rings to lose anything in. */
static void ebpf_statistics(struct source_queue *queue, struct xtop_queue *counters)
{
    (void)queue;
    (void)counters;
}

static uint64_t ebpf_nic_dropped(struct source *source)
{
    const struct ebpf *capture = source->private;

    return atomic_load_explicit(&capture->lost, memory_order_relaxed);
}

const struct source_operations source_ebpf = {
    .name = "ebpf",
    .open = ebpf_open,
    .attach = ebpf_attach,
    .statistics = ebpf_statistics,
    .close = ebpf_close,
    .take_epoch = ebpf_take_epoch,
};
