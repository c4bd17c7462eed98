/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source `af_xdp`: an XDP program hands the frames of each RX queue to an AF_XDP socket.
 *
 * Opening one goes down a list of modes, best first, and stops at the first that the kernel grants. Each step is
 *
 *   attach the program ─► wait for the carrier ─► count RX queues ─► UMEM, fill ring ─► bind ─► XSKMAP
 *
 * and this order is not free: a driver may make RX queues when a program comes (virtio), may drop its link for seconds
 * (igb), and may never receive on a socket that was bound before the program came or with nothing in its fill ring
 * (igb). Frames pass on to the host until the XSKMAP, filled last, turns them.
 *
 * Losses. `rx_*` are frames the kernel could not give to a socket (see xsk_burst.c), nic_dropped() those the device or
 * the driver lost before: rx_dropped + rx_missed_errors + rx_fifo_errors of the interface. Some drivers count a frame
 * that a socket refused in rx_dropped as well; for these it is taken out again, so that each lost frame counts once. So
 * does the stack with frames that were left to the host and that nobody there listens to (LLDP).
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef XTOP_XSK_FROM_LIBBPF
#include <xdp/libxdp.h>
#endif

#include "capture/kept_frames.h"
#include "capture/link_stats.h"
#include "capture/promiscuous.h"
#include "capture/sandbox.h"
#include "capture/source.h"
#include "capture/xdp_mode.h"
#include "capture/xdp_program.h"
#include "capture/xdp_refusal.h"
#include "capture/xsk_queue.h"

#define QUEUE_LOOKS 5   /* every so many calls of nic_dropped(): about once a second */
#define KEPT_WAIT_MS 40 /* the program wakes nobody for a few frames: see wakeup_flag() there */

/* What must hold before anything is touched. */
static int look_at_interface(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    const char *interface = options->here.interface;
    struct link_state state;

    capture->ifindex = link_index(capture->netlink_fd, interface);
    if (!capture->ifindex || link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return failure_set(failure, EXIT_USAGE, "no interface %s (see: ip link)", interface);
    if (!state.up)
        return failure_set(failure, EXIT_USAGE, "interface %s is down (nothing arrives; ip link set %s up)", interface,
                           interface);
    if (state.xdp_program)
        return refusal_foreign_program(failure, interface, state.xdp_program);
    if (!state.ethernet)
        return failure_set(failure, EXIT_USAGE,
                           "%s carries no Ethernet frames, which AF_XDP needs (use --capture af_packet)", interface);
    capture->had_carrier = state.carrier;
    capture->mac = state.mac;
    capture->mtu = state.mtu;
    snprintf(capture->settings.interface, sizeof capture->settings.interface, "%s", interface);
    source->ifindex = capture->ifindex;
    link_driver(capture->netlink_fd, interface, source->driver);
    if (!source->driver[0])
        snprintf(source->driver, sizeof source->driver, "unnamed");
    driver_losses_open(&capture->driver_losses, capture->netlink_fd, interface, source->driver);
    return 0;
}

/* A page takes 3822 bytes of MTU; what is larger comes in several frames. */
static void choose_frames(struct af_xdp *capture)
{
    uint32_t needed = capture->mtu + LINK_FRAME_OVERHEAD + XSK_HEADROOM;

    capture->copied_frame_size = needed <= XSK_FRAME_SIZE ? XSK_FRAME_SIZE : XSK_FRAME_SIZE_MAX;
    capture->jumbo = needed > XSK_FRAME_SIZE_MAX;
}

/* The first queue's worker counts what is left to the host as well. */
static int keep_open(struct source *source, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    int error;

    xdp_program_set_host(&capture->program, &capture->mac, capture->mac != 0);
    capture->kept = kept_frames_open(xdp_program_kept_fd(&capture->program), &error);
    if (capture->kept)
        return 0;
    return failure_set(failure, EXIT_FAILED,
                       "cannot count what stays with the host (ring buffer: %s; use "
                       "--no-keep-host)",
                       strerror(-error));
}

static int load_program(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    char what[64];
    int error = xdp_program_load(&capture->program, capture->jumbo, capture->keep_host, options->sampling);

    if (!error)
        return capture->keep_host ? keep_open(source, failure) : 0;
    if (refusal_of_program_is_rights(error)) {
        snprintf(what, sizeof what, "attach to %s", capture->settings.interface);
        return refusal_rights(failure, what);
    }
    if (capture->jumbo)
        return xdp_mode_refused(failure, source, error);
    return failure_set(failure, EXIT_USAGE,
                       "this kernel does not load xtop's XDP program (%s; use --capture af_packet)", strerror(-error));
}

static int see_strangers(struct source *source, struct failure *failure)
{
    struct af_xdp *capture = source->private;

    int fd = promiscuous_open(capture->ifindex);

    if (fd == -EPERM)
        return refusal_rights(failure, "ask for frames to any address");
    if (fd < 0)
        return failure_set(failure, EXIT_FAILED, "%s cannot be asked for frames to any address (packet socket: %s)",
                           capture->settings.interface, strerror(-fd));
    source->parting_fd = fd;
    return 0;
}

/* What the queues need to know of the program that feeds them. */
static void connect_queues(struct source *source, const struct options *options)
{
    struct af_xdp *capture = source->private;

    source->samples = options->sampling.interval > 1;
    for (uint32_t i = 0; i < source->queue_count; i++) {
        ((struct xsk_queue *)source->queue[i])->program = &capture->program;
        ((struct xsk_queue *)source->queue[i])->samples = source->samples;
    }
    if (capture->kept) {
        ((struct xsk_queue *)source->queue[0])->kept = capture->kept;
        source->queue[0]->other_fd = kept_frames_fd(capture->kept);
        source->queue[0]->wait_ms = KEPT_WAIT_MS;
        source->queue[0]->ring_frames += KEPT_RING_BYTES / sizeof(struct kept_frame);
    }
}

static uint64_t af_xdp_nic_dropped(struct source *source);
static void af_xdp_close(struct source *source);

static int af_xdp_open(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_xdp *capture = calloc(1, sizeof *capture);

    /* A failure is one line, and it is ours: the libraries would add theirs on stderr. */
    libbpf_set_print(NULL);
#ifndef XTOP_XSK_FROM_LIBBPF
    libxdp_set_print(NULL);
#endif
    if (!capture)
        return failure_set(failure, EXIT_FAILED, "out of memory");
    source->private = capture;
    capture->program = (struct xdp_program){.program_fd = -1, .link_fd = -1};
    capture->settings.busy_poll = options->busy_poll;
    capture->keep_host = !options->no_keep_host;
    capture->netlink_fd = link_open();
    if (capture->netlink_fd < 0) {
        failure_set(failure, EXIT_FAILED, "cannot ask for interfaces (rtnetlink: %s)", strerror(-capture->netlink_fd));
        goto failed;
    }
    if (look_at_interface(source, options, failure) < 0)
        goto failed;
    choose_frames(capture);
    if (load_program(source, options, failure) < 0)
        goto failed;
    source->queues_expected =
        options->queue_count ? options->queue_count : link_rx_queues(capture->netlink_fd, options->here.interface, 1);
    source->busy_poll = options->busy_poll;
    source->sandbox_needs = SANDBOX_BPF_MAPS | SANDBOX_ETHTOOL;
    return 0;
failed:
    af_xdp_close(source);
    return -1;
}

static int af_xdp_attach(struct source *source, const struct options *options, struct failure *failure)
{
    if (see_strangers(source, failure) < 0 || xdp_mode_open_best(source, options, failure) < 0)
        return -1;
    connect_queues(source, options);
    source->nic_dropped = af_xdp_nic_dropped;
    return 0;
}

static void af_xdp_let_go(struct source_queue *queue)
{
    xsk_queue_unbind((struct xsk_queue *)queue);
}

static void af_xdp_detach(struct source *source)
{
    struct af_xdp *capture = source->private;

    xdp_program_detach(&capture->program);
}

static void af_xdp_close(struct source *source)
{
    struct af_xdp *capture = source->private;

    if (!capture)
        return;
    /* The program first: frames pass on to the host again, and none is lost to a socket that is going. */
    kept_frames_close(capture->kept);
    xdp_program_unload(&capture->program);
    xdp_mode_close_queues(source);
    driver_losses_close(&capture->driver_losses);
    if (capture->netlink_fd >= 0)
        close(capture->netlink_fd);
    free(capture);
    source->private = NULL;
    source->nic_dropped = NULL;
}

/* What a driver's rx_dropped counts besides what was lost before us. */
struct driver_habit {
    const char *name;
    bool refused;  /* frames that an AF_XDP socket refused */
    bool left_out; /* frames that the program dropped, since they are not in the sample */
};

/* Read in the drivers' sources and (veth) measured; NULL for drivers that count neither. */
static const struct driver_habit *driver_habit(const struct source *source)
{
    static const struct driver_habit habits[] = {{"veth", true, false}, {"virtio_net", true, true}};

    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++)
        if (source->xdp_mode == XTOP_XDP_NATIVE && strcmp(source->driver, habits[i].name) == 0)
            return &habits[i];
    return NULL;
}

/* Frames that the driver calls dropped and that are counted elsewhere. */
static uint64_t counted_elsewhere(const struct xsk_queue *queue, const struct driver_habit *habit)
{
    struct sampling_state sum = {0};

    if (habit->left_out && queue->samples)
        (void)xdp_program_sampled_out(queue->program, queue->base.number, &sum);
    return sum.dropped + (habit->refused ? xsk_queue_lost(queue) : 0);
}

/*
 * Were queues added, their frames would pass to the host unseen, and sockets of queues that went see nothing: the
 * workers end and say so. The driver is asked once in a while, since it takes the lock of all network configuration.
 */
static void watch_queues(struct af_xdp *capture, const char *interface)
{
    uint32_t had = capture->settings.rx_queues;
    uint32_t now;

    if (capture->looks++ % QUEUE_LOOKS)
        return;
    now = link_rx_queues(capture->netlink_fd, interface, had);
    if (now < had || (now > had && capture->all_queues))
        __atomic_store_n(&capture->settings.rx_queues_now, now, __ATOMIC_RELAXED);
}

static uint64_t af_xdp_nic_dropped(struct source *source)
{
    struct af_xdp *capture = source->private;
    struct link_state state;
    const struct driver_habit *habit = driver_habit(source);
    uint64_t dropped;
    uint64_t elsewhere;

    /* The interface first: frames lost between the two readings then make the difference too small, never too large. */
    if (link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return capture->dropped;
    source->link = !state.up ? XTOP_LINK_DOWN : state.carrier ? XTOP_LINK_UP : XTOP_LINK_NO_CARRIER;
    watch_queues(capture, state.name);
    if (capture->keep_host && state.mac != capture->mac) {
        capture->mac = state.mac; /* it was given another address */
        xdp_program_set_host(&capture->program, &state.mac, 1);
    }
    dropped = state.dropped + driver_losses_read(&capture->driver_losses);
    dropped -= dropped < capture->dropped_before ? dropped : capture->dropped_before; /* a driver may begin anew */
    elsewhere = xdp_program_kept_unheard(&capture->program);
    for (uint32_t i = 0; i < source->queue_count && habit; i++)
        elsewhere += counted_elsewhere((struct xsk_queue *)source->queue[i], habit);
    if (dropped > elsewhere && dropped - elsewhere > capture->dropped)
        capture->dropped = dropped - elsewhere;
    return capture->dropped;
}

static bool take_kept(struct xsk_queue *queue, struct burst *burst)
{
    kept_frames_take(queue->kept, burst);
    queue->kept_burst = burst->count > 0;
    return queue->kept_burst;
}

/* What was left to the host and what was taken come by turns, so that neither waits for the other's end. */
static enum source_result af_xdp_take(struct source_queue *base, struct burst *burst)
{
    struct xsk_queue *queue = (struct xsk_queue *)base;
    bool kept_first = queue->kept && !queue->kept_burst;
    enum source_result result;

    if (kept_first && take_kept(queue, burst))
        return SOURCE_FRAMES;
    queue->kept_burst = false;
    result = xsk_queue_take(base, burst);
    if (result == SOURCE_IDLE && queue->kept && !kept_first && take_kept(queue, burst))
        return SOURCE_FRAMES;
    return result;
}

static void af_xdp_recycle(struct source_queue *base, const struct burst *burst)
{
    if (!((struct xsk_queue *)base)->kept_burst)
        xsk_queue_recycle(base, burst);
}

/* Both sides of the conservation law grow by what the program left out. */
static void count_sampled_out(struct xsk_queue *queue, struct xtop_queue *counters)
{
    struct sampling_state sum;

    if (xdp_program_sampled_out(queue->program, queue->base.number, &sum) < 0)
        return;
    counters->received += sum.packets - counters->sampled_out;
    counters->received_bytes += sum.bytes - queue->sampled_bytes;
    counters->sampled_out = sum.packets;
    queue->sampled_bytes = sum.bytes;
}

static void af_xdp_statistics(struct source_queue *base, struct xtop_queue *counters)
{
    struct xsk_queue *queue = (struct xsk_queue *)base;

    xsk_queue_statistics(base, counters);
    if (queue->samples)
        count_sampled_out(queue, counters);
    if (queue->kept)
        counters->ring_dropped = xdp_program_kept_lost(queue->program);
}

const struct source_operations source_af_xdp = {
    .name = "af_xdp",
    .open = af_xdp_open,
    .attach = af_xdp_attach,
    .begin = xdp_mode_begin,
    .take = af_xdp_take,
    .recycle = af_xdp_recycle,
    .statistics = af_xdp_statistics,
    .let_go = af_xdp_let_go,
    .detach = af_xdp_detach,
    .close = af_xdp_close,
};
