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
 * that a socket refused in rx_dropped as well; for these it is taken out again, so that each lost frame counts once.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifndef XTOP_XSK_FROM_LIBBPF
#include <xdp/libxdp.h>
#endif

#include "capture/link_stats.h"
#include "capture/source.h"
#include "capture/xdp_program.h"
#include "capture/xdp_refusal.h"
#include "capture/xsk_queue.h"

#define CARRIER_WAIT_MS 5000
#define CARRIER_STEP_MS 20

struct af_xdp {
    struct xsk_settings settings; /* the queues point to it */
    struct xdp_program program;
    int netlink_fd;
    uint32_t ifindex;
    bool had_carrier; /* before the program came */
    uint32_t mtu;
    uint64_t dropped_before; /* the interface's counter at open */
    uint64_t dropped;        /* what nic_dropped() said last; never falls */
};

/* What is tried, best first. */
static const struct mode {
    uint32_t xdp; /* XTOP_XDP_ */
    bool zero_copy;
    const char *next; /* what is tried after it, for the notes */
} modes[] = {
    {XTOP_XDP_NATIVE, true, "copy"},
    {XTOP_XDP_NATIVE, false, "generic XDP"},
    {XTOP_XDP_GENERIC, false, NULL},
};

#define MODE_COUNT (sizeof modes / sizeof modes[0])

/* What became of one step of a mode. */
enum step {
    STEP_DONE,
    STEP_REFUSED, /* this mode cannot be had; *error says why */
    STEP_FAILED,  /* no mode can; the failure is filled */
};

static bool mode_wanted(const struct mode *mode, const struct options *options)
{
    if (options->xdp == OPTIONS_XDP_GENERIC && mode->xdp != XTOP_XDP_GENERIC)
        return false;
    if (options->xdp == OPTIONS_XDP_NATIVE && mode->xdp != XTOP_XDP_NATIVE)
        return false;
    return options->copy == OPTIONS_COPY_BEST || mode->zero_copy == (options->copy == OPTIONS_COPY_ZERO);
}

static void note(struct source *source, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct source *source, const char *format, ...)
{
    size_t used = strlen(source->notes);
    va_list arguments;

    if (used && used + 1 < sizeof source->notes)
        source->notes[used++] = '\n';
    va_start(arguments, format);
    vsnprintf(source->notes + used, sizeof source->notes - used, format, arguments);
    va_end(arguments);
}

static int mode_refused(struct failure *failure, const struct source *source, const struct mode *mode, int error)
{
    const struct af_xdp *capture = source->private;
    const char *interface = capture->settings.interface;
    const char *reason = strerror(-error);

    if (capture->settings.fragments)
        return failure_set(failure, EXIT_USAGE,
                           "MTU %" PRIu32 " of %s needs multi-buffer AF_XDP, which was refused (%s driver: %s; the largest "
                           "MTU without it is %d)",
                           capture->mtu, interface, source->driver, reason,
                           XSK_FRAME_SIZE_MAX - XSK_HEADROOM - LINK_FRAME_OVERHEAD);
    if (capture->program.link_fd < 0)
        return failure_set(failure, EXIT_USAGE, "%s XDP refused on %s (%s driver: %s; %s)",
                           mode->xdp == XTOP_XDP_NATIVE ? "native" : "generic", interface, source->driver, reason,
                           mode->xdp == XTOP_XDP_NATIVE ? "leave out -N or use -S" : "use --capture af_packet");
    if (mode->zero_copy)
        return failure_set(failure, EXIT_USAGE,
                           "zero copy refused on %s (%s driver: %s; leave out -z or use -c)", interface, source->driver,
                           reason);
    return failure_set(failure, EXIT_USAGE, "an AF_XDP socket is refused on %s (%s driver: %s; use --capture af_packet)",
                       interface, source->driver, reason);
}

static void note_step_down(struct source *source, const struct mode *mode, int error)
{
    const struct af_xdp *capture = source->private;

    note(source, "%s refused by %s: %s (%d); using %s",
         capture->program.link_fd < 0 ? "native XDP" : (mode->zero_copy ? "zero copy" : "copy"), source->driver,
         strerror(-error), error, capture->program.link_fd < 0 ? "generic XDP" : mode->next);
}

static void close_queues(struct source *source)
{
    for (uint32_t i = 0; i < source->queue_count; i++) {
        xsk_queue_close((struct xsk_queue *)source->queue[i]);
        source->queue[i] = NULL;
    }
    source->queue_count = 0;
}

/* A driver that sets its link up anew takes seconds; frames before that are lost on the wire, so it is waited for. */
static void wait_for_carrier(struct source *source)
{
    struct af_xdp *capture = source->private;
    struct timespec pause = {.tv_nsec = CARRIER_STEP_MS * 1000000};
    struct link_state state;
    int waited = 0;

    if (!capture->had_carrier)
        return;
    for (; waited < CARRIER_WAIT_MS; waited += CARRIER_STEP_MS) {
        if (link_read(capture->netlink_fd, capture->ifindex, &state) < 0 || state.carrier)
            break;
        nanosleep(&pause, NULL);
    }
    if (waited >= CARRIER_WAIT_MS)
        note(source, "%s has not found its carrier again after %d s", capture->settings.interface,
             CARRIER_WAIT_MS / 1000);
    else if (waited)
        note(source, "%s lost its link for %d ms while XDP was set up", capture->settings.interface, waited);
}

static enum step attach(struct source *source, const struct mode *mode, struct failure *failure, int *error)
{
    struct af_xdp *capture = source->private;
    struct link_state state;
    char what[64];

    if (capture->program.mode == mode->xdp)
        return STEP_DONE;
    close_queues(source); /* the next mode may have other queues */
    xdp_program_detach(&capture->program);
    *error = xdp_program_attach(&capture->program, capture->ifindex, mode->xdp);
    if (*error == -EPERM || *error == -EACCES) {
        snprintf(what, sizeof what, "attach to %s", capture->settings.interface);
        refusal_rights(failure, what);
        return STEP_FAILED;
    }
    if (*error == -EBUSY && link_read(capture->netlink_fd, capture->ifindex, &state) == 0 && state.xdp_program) {
        refusal_foreign_program(failure, capture->settings.interface, state.xdp_program);
        return STEP_FAILED;
    }
    if (*error)
        return STEP_REFUSED;
    wait_for_carrier(source);
    return STEP_DONE;
}

/* The RX queues to serve, in `number`; counted now, because attaching the program may have made some. */
static int choose_queues(const struct af_xdp *capture, const struct options *options, uint32_t *number,
                         struct failure *failure)
{
    const char *interface = capture->settings.interface;
    struct link_state state = {.rx_queues = 1};
    uint32_t there;

    link_read(capture->netlink_fd, capture->ifindex, &state);
    there = link_rx_queues(interface, state.rx_queues ? state.rx_queues : 1);
    if (there > XTOP_MAX_QUEUES && !options->queue_count)
        return failure_set(failure, EXIT_USAGE,
                           "%s has %" PRIu32 " RX queues (xtop serves %d; name some with -q or lower it with ethtool -L)",
                           interface, there, XTOP_MAX_QUEUES);
    for (uint32_t i = 0; i < options->queue_count; i++) {
        if (options->queue[i] >= there)
            return failure_set(failure, EXIT_USAGE, "%s has no RX queue %u (its queues are 0-%" PRIu32 "; see -q)",
                               interface, options->queue[i], there - 1);
        number[i] = options->queue[i];
    }
    for (uint32_t i = 0; !options->queue_count && i < there; i++)
        number[i] = i;
    return (int)(options->queue_count ? options->queue_count : there);
}

/* Rings of the size that was asked for, or of what the limit of locked memory leaves, which is said. */
static void fit_rings(struct source *source, uint32_t queue_count, uint32_t wanted)
{
    struct af_xdp *capture = source->private;
    uint64_t each = refusal_memory_limit() / queue_count / capture->settings.frame_size;
    uint32_t ring_size = wanted;

    while (ring_size > XSK_RING_SIZE_MIN && ring_size + SOURCE_BURST > each)
        ring_size /= 2;
    if (ring_size != wanted)
        note(source,
             "rings of %" PRIu32 " instead of %" PRIu32 ": the limit of locked memory (ulimit -l) allows no more; "
             "CAP_IPC_LOCK lifts it",
             ring_size, wanted);
    capture->settings.ring_size = ring_size;
    source->ring_size = ring_size;
}

static enum step create_queues(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    uint32_t number[XTOP_MAX_QUEUES];
    int count;
    int error;

    if (source->queue_count)
        return STEP_DONE; /* made for the mode before, which was refused before any was bound */
    count = choose_queues(capture, options, number, failure);
    if (count < 0)
        return STEP_FAILED;
    fit_rings(source, (uint32_t)count, options->ring_size);
    for (int i = 0; i < count; i++) {
        struct xsk_queue *queue = xsk_queue_create(&capture->settings, number[i], &error);

        if (!queue && error == -EPERM)
            refusal_rights(failure, "open an AF_XDP socket");
        else if (!queue)
            refusal_memory(failure, capture->settings.interface,
                           (uint64_t)(capture->settings.ring_size + SOURCE_BURST) * capture->settings.frame_size, error);
        if (!queue)
            return STEP_FAILED;
        source->queue[source->queue_count++] = &queue->base;
    }
    return STEP_DONE;
}

static enum step bind_queues(struct source *source, const struct mode *mode, struct failure *failure, int *error)
{
    struct af_xdp *capture = source->private;

    for (uint32_t i = 0; i < source->queue_count; i++) {
        struct xsk_queue *queue = (struct xsk_queue *)source->queue[i];

        *error = xsk_queue_bind(queue, mode->zero_copy);
        if (*error == 0)
            continue;
        if (*error == -EPERM) {
            refusal_rights(failure, "bind an AF_XDP socket");
            return STEP_FAILED;
        }
        if (*error == -EBUSY) {
            failure_set(failure, EXIT_USAGE,
                        "RX queue %" PRIu32 " of %s is held by another AF_XDP socket (stop the program that has it, or "
                        "leave the queue out with -q)",
                        queue->base.number, capture->settings.interface);
            return STEP_FAILED;
        }
        if (i || queue->bound)
            close_queues(source);
        return STEP_REFUSED;
    }
    return STEP_DONE;
}

/* Zero copy is two facts: the sockets say so and the program runs in the driver. A generic program copies anyhow. */
static bool zero_copy_proven(const struct source *source)
{
    const struct af_xdp *capture = source->private;
    struct link_state state;

    for (uint32_t i = 0; i < source->queue_count; i++)
        if (!((struct xsk_queue *)source->queue[i])->zero_copy)
            return false;
    return link_read(capture->netlink_fd, capture->ifindex, &state) == 0 && state.xdp_attached == XDP_ATTACHED_DRV;
}

static enum step redirect_queues(struct source *source, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    struct link_state state;

    wait_for_carrier(source);
    if (link_read(capture->netlink_fd, capture->ifindex, &state) == 0)
        capture->dropped_before = state.dropped;
    for (uint32_t i = 0; i < source->queue_count; i++) {
        struct source_queue *queue = source->queue[i];
        int error = xdp_program_redirect(&capture->program, queue->number, queue->fd);

        if (error) {
            failure_set(failure, EXIT_FAILED, "cannot redirect RX queue %" PRIu32 " of %s (%s)", queue->number,
                        capture->settings.interface, strerror(-error));
            return STEP_FAILED;
        }
    }
    return STEP_DONE;
}

static enum step try_mode(struct source *source, const struct options *options, const struct mode *mode,
                          struct failure *failure, int *error)
{
    enum step step = attach(source, mode, failure, error);

    if (step == STEP_DONE)
        step = create_queues(source, options, failure);
    if (step == STEP_DONE)
        step = bind_queues(source, mode, failure, error);
    if (step == STEP_DONE && mode->zero_copy && !zero_copy_proven(source)) {
        close_queues(source);
        *error = -EOPNOTSUPP;
        step = STEP_REFUSED;
    }
    return step == STEP_DONE ? redirect_queues(source, failure) : step;
}

static int open_best_mode(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    const struct mode *refused = NULL;
    bool native_refused = false;
    int error = -EOPNOTSUPP;

    for (size_t i = 0; i < MODE_COUNT; i++) {
        if (!mode_wanted(&modes[i], options) || (native_refused && modes[i].xdp == XTOP_XDP_NATIVE))
            continue;
        if (refused)
            note_step_down(source, refused, error);
        switch (try_mode(source, options, &modes[i], failure, &error)) {
        case STEP_DONE:
            source->xdp_mode = modes[i].xdp;
            source->zero_copy = modes[i].zero_copy;
            return 0;
        case STEP_FAILED:
            return -1;
        case STEP_REFUSED:
            refused = &modes[i];
            native_refused = capture->program.link_fd < 0;
        }
    }
    if (!refused)
        return failure_set(failure, EXIT_USAGE, "zero copy needs native XDP (leave out -S or -z)");
    return mode_refused(failure, source, refused, error);
}

/* What must hold before anything is touched. */
static int look_at_interface(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    const char *interface = options->interface;
    struct link_state state;

    capture->ifindex = strlen(interface) < IF_NAMESIZE ? if_nametoindex(interface) : 0;
    if (!capture->ifindex || link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return failure_set(failure, EXIT_USAGE, "no interface %s (see: ip link)", interface);
    if (!state.up)
        return failure_set(failure, EXIT_USAGE, "interface %s is down (nothing arrives; ip link set %s up)", interface,
                           interface);
    if (state.xdp_program)
        return refusal_foreign_program(failure, interface, state.xdp_program);
    capture->had_carrier = state.carrier;
    capture->mtu = state.mtu;
    snprintf(capture->settings.interface, sizeof capture->settings.interface, "%s", interface);
    source->ifindex = capture->ifindex;
    link_driver(interface, source->driver);
    if (!source->driver[0])
        snprintf(source->driver, sizeof source->driver, "unnamed");
    return 0;
}

/* A page takes 3822 bytes of MTU; what is larger comes in several frames. */
static void choose_frames(struct af_xdp *capture)
{
    uint32_t needed = capture->mtu + LINK_FRAME_OVERHEAD + XSK_HEADROOM;

    capture->settings.frame_size = needed <= XSK_FRAME_SIZE ? XSK_FRAME_SIZE : XSK_FRAME_SIZE_MAX;
    capture->settings.fragments = needed > XSK_FRAME_SIZE_MAX;
}

static int load_program(struct source *source, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    char what[64];
    int error = xdp_program_load(&capture->program, capture->settings.fragments);

    if (!error)
        return 0;
    if (error == -EPERM) { /* -EACCES would be the verifier's */
        snprintf(what, sizeof what, "attach to %s", capture->settings.interface);
        return refusal_rights(failure, what);
    }
    if (capture->settings.fragments)
        return mode_refused(failure, source, &modes[0], error);
    return failure_set(failure, EXIT_USAGE, "this kernel does not load xtop's XDP program (%s; use --capture af_packet)",
                       strerror(-error));
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
    capture->netlink_fd = link_open();
    if (capture->netlink_fd < 0) {
        failure_set(failure, EXIT_FAILED, "cannot ask for interfaces (rtnetlink: %s)", strerror(-capture->netlink_fd));
        goto failed;
    }
    if (look_at_interface(source, options, failure) < 0)
        goto failed;
    choose_frames(capture);
    if (load_program(source, failure) < 0 || open_best_mode(source, options, failure) < 0)
        goto failed;
    source->busy_poll = options->busy_poll;
    source->nic_dropped = af_xdp_nic_dropped;
    return 0;
failed:
    af_xdp_close(source);
    return -1;
}

static void af_xdp_close(struct source *source)
{
    struct af_xdp *capture = source->private;

    if (!capture)
        return;
    /* The program first: frames pass on to the host again, and none is lost to a socket that is going. */
    xdp_program_unload(&capture->program);
    close_queues(source);
    if (capture->netlink_fd >= 0)
        close(capture->netlink_fd);
    free(capture);
    source->private = NULL;
    source->nic_dropped = NULL;
}

/* Drivers whose rx_dropped counts frames that an AF_XDP socket refused, read in their sources and (veth) measured. */
static bool driver_counts_refused(const struct source *source)
{
    static const char *const drivers[] = {"veth", "virtio_net"};

    if (source->xdp_mode != XTOP_XDP_NATIVE)
        return false;
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strcmp(source->driver, drivers[i]) == 0)
            return true;
    return false;
}

static uint64_t af_xdp_nic_dropped(struct source *source)
{
    struct af_xdp *capture = source->private;
    struct link_state state;
    uint64_t dropped;
    uint64_t refused = 0;

    /* The interface first: frames lost between the two readings then make the difference too small, never too large. */
    if (link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return capture->dropped;
    dropped = state.dropped - capture->dropped_before;
    if (driver_counts_refused(source))
        for (uint32_t i = 0; i < source->queue_count; i++)
            refused += xsk_queue_lost((struct xsk_queue *)source->queue[i]);
    if (dropped > refused && dropped - refused > capture->dropped)
        capture->dropped = dropped - refused;
    return capture->dropped;
}

const struct source_operations source_af_xdp = {
    .name = "af_xdp",
    .open = af_xdp_open,
    .take = xsk_queue_take,
    .recycle = xsk_queue_recycle,
    .statistics = xsk_queue_statistics,
    .close = af_xdp_close,
};
