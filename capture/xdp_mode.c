/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/xdp_mode.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/link_stats.h"
#include "capture/memory_available.h"
#include "capture/xdp_refusal.h"

#define CARRIER_WAIT_MS 5000
#define CARRIER_STEP_MS 20

/* Rings are no smaller for lack of memory: 4 MB of frames a queue, and 0.9 ms of 2.3 Mpps. */
#define RING_LEAST 2048u

/* What is tried, best first. */
static const struct mode {
    uint32_t xdp; /* XTOP_XDP_ */
    bool zero_copy;
    bool fragments;   /* take packets of several frames although the MTU needs none: TSO and GRO make them */
    const char *next; /* what is tried after it, for the notes */
} modes[] = {
    {XTOP_XDP_NATIVE, true, false, "copy"},
    {XTOP_XDP_NATIVE, false, false, "generic XDP"},
    {XTOP_XDP_GENERIC, false, true, "single buffers"}, /* kernel 6.6 */
    {XTOP_XDP_GENERIC, false, false, NULL},
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

    if (capture->jumbo)
        return failure_set(
            failure, EXIT_USAGE,
            "MTU %" PRIu32 " of %s needs multi-buffer AF_XDP, which was refused (%s driver: %s; the largest "
            "MTU without it is %d)",
            capture->mtu, interface, source->driver, reason, XSK_FRAME_SIZE_MAX - XSK_HEADROOM - LINK_FRAME_OVERHEAD);
    if (capture->program.link_fd < 0)
        return failure_set(failure, EXIT_USAGE, "%s XDP refused on %s (%s driver: %s; %s)",
                           mode->xdp == XTOP_XDP_NATIVE ? "native" : "generic", interface, source->driver, reason,
                           mode->xdp == XTOP_XDP_NATIVE ? "leave out -N or use -S" : "use --capture af_packet");
    if (mode->zero_copy)
        return failure_set(failure, EXIT_USAGE, "zero copy refused on %s (%s driver: %s; leave out -z or use -c)",
                           interface, source->driver, reason);
    return failure_set(failure, EXIT_USAGE,
                       "an AF_XDP socket is refused on %s (%s driver: %s; use --capture af_packet)", interface,
                       source->driver, reason);
}

static void note_step_down(struct source *source, const struct mode *mode, int error)
{
    const struct af_xdp *capture = source->private;

    note(source, "%s refused by %s: %s (%d); using %s",
         capture->program.link_fd < 0 ? "native XDP"
         : mode->fragments            ? "multi-buffer"
         : mode->zero_copy            ? "zero copy"
                                      : "copy",
         source->driver, strerror(-error), error, capture->program.link_fd < 0 ? "generic XDP" : mode->next);
}

void xdp_mode_close_queues(struct source *source)
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
    xdp_mode_close_queues(source); /* the next mode may have other queues */
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
static int choose_queues(struct af_xdp *capture, const struct options *options, uint32_t *number,
                         struct failure *failure)
{
    const char *interface = capture->settings.interface;
    struct link_state state = {.rx_queues = 1};
    uint32_t there;

    link_read(capture->netlink_fd, capture->ifindex, &state);
    there = link_rx_queues(capture->netlink_fd, interface, state.rx_queues ? state.rx_queues : 1);
    capture->all_queues = !options->queue_count;
    capture->settings.rx_queues = capture->settings.rx_queues_now = there;
    if (there > XTOP_MAX_QUEUES && !options->queue_count)
        return failure_set(failure, EXIT_USAGE,
                           "%s has %" PRIu32
                           " RX queues (xtop serves %d; name some with -q or lower it with ethtool -L)",
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

/* Rings of the `wanted` size, or of what is left by so many bytes for the frames of all queues, `least` at least. */
static uint32_t ring_that_fits(const struct af_xdp *capture, uint32_t queue_count, uint64_t bytes, uint32_t wanted,
                               uint32_t least)
{
    uint64_t each = bytes / queue_count / capture->settings.frame_size;

    while (wanted > least && wanted + SOURCE_BURST > each)
        wanted /= 2;
    return wanted;
}

/* Of the size that was asked for, or of what the limit of locked memory leaves; of what memory there is if nobody asked. */
static void fit_rings(struct source *source, uint32_t queue_count, const struct options *options)
{
    struct af_xdp *capture = source->private;
    uint32_t fitting = options->ring_size;

    if (!options->ring_size_given)
        fitting = ring_that_fits(capture, queue_count, memory_available() / MEMORY_SHARE, fitting, RING_LEAST);
    capture->little_memory = fitting != options->ring_size;
    source->ring_size = ring_that_fits(capture, queue_count, refusal_memory_limit(), fitting, XSK_RING_SIZE_MIN);
    capture->little_locked = source->ring_size != fitting;
    capture->settings.ring_size = source->ring_size;
}

static void note_smaller_rings(struct source *source, uint32_t wanted)
{
    const struct af_xdp *capture = source->private;

    if (capture->little_locked)
        note(source,
             "rings of %" PRIu32 " instead of %" PRIu32 ": the limit of locked memory (ulimit -l) allows no more; "
             "CAP_IPC_LOCK lifts it",
             source->ring_size, wanted);
    else if (capture->little_memory)
        note(source,
             "rings of %" PRIu32 " instead of %" PRIu32 ": frames take no more than an eighth of the memory that is "
             "available; --ring %" PRIu32 " takes it",
             source->ring_size, wanted, wanted);
}

/*
 * Zero copy needs whole pages. A NIC is told how long its buffers are, by igb, igc and ixgbe in KiB, rounded down: of a
 * chunk of 2 KiB the headroom leaves 1 KiB to it, and a longer frame comes as two, the second without headers.
 */
static void choose_frame_size(struct source *source, const struct mode *mode)
{
    struct af_xdp *capture = source->private;
    uint32_t wanted = mode->zero_copy ? XSK_FRAME_SIZE_MAX : capture->copied_frame_size;

    if (capture->settings.frame_size != wanted)
        xdp_mode_close_queues(source);
    capture->settings.frame_size = wanted;
}

static enum step create_queue(struct source *source, uint32_t number, struct failure *failure)
{
    const struct af_xdp *capture = source->private;
    int error;
    struct xsk_queue *queue = xsk_queue_create(&capture->settings, number, &error);

    if (!queue && error == -EPERM)
        refusal_rights(failure, "open an AF_XDP socket");
    else if (!queue)
        refusal_memory(failure, capture->settings.interface,
                       (uint64_t)(capture->settings.ring_size + SOURCE_BURST) * capture->settings.frame_size, error);
    if (!queue)
        return STEP_FAILED;
    source->queue[source->queue_count++] = &queue->base;
    return STEP_DONE;
}

static enum step bind_queue(struct source *source, uint32_t at, const struct mode *mode, struct failure *failure,
                            int *error)
{
    const struct af_xdp *capture = source->private;
    struct xsk_queue *queue = (struct xsk_queue *)source->queue[at];

    *error = xsk_queue_bind(queue, mode->zero_copy);
    if (*error == 0)
        return STEP_DONE;
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
    if (at || queue->bound)
        xdp_mode_close_queues(source);
    return STEP_REFUSED;
}

/*
 * Each is bound as soon as it is made: of a mode that is refused there is one, which the next may take, and not the frames of
 * all.
 */
static enum step open_queues(struct source *source, const struct options *options, const struct mode *mode,
                             struct failure *failure, int *error)
{
    uint32_t number[XTOP_MAX_QUEUES] = {0};
    int count = choose_queues(source->private, options, number, failure);

    if (count < 1)
        return STEP_FAILED;
    if (source->queue_count == 0)
        fit_rings(source, (uint32_t)count, options);
    for (uint32_t i = 0; i < (uint32_t)count; i++) {
        enum step step = i < source->queue_count ? STEP_DONE : create_queue(source, number[i], failure);

        if (step == STEP_DONE)
            step = bind_queue(source, i, mode, failure, error);
        if (step != STEP_DONE)
            return step;
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

static enum step try_mode(struct source *source, const struct options *options, const struct mode *mode,
                          struct failure *failure, int *error)
{
    struct af_xdp *capture = source->private;
    enum step step = attach(source, mode, failure, error);

    choose_frame_size(source, mode);
    capture->settings.fragments = capture->jumbo || mode->fragments;
    if (step == STEP_DONE)
        step = open_queues(source, options, mode, failure, error);
    if (step == STEP_DONE && mode->zero_copy && !zero_copy_proven(source)) {
        xdp_mode_close_queues(source);
        *error = -EOPNOTSUPP;
        step = STEP_REFUSED;
    }
    if (step == STEP_DONE)
        wait_for_carrier(source);
    return step;
}

int xdp_mode_open_best(struct source *source, const struct options *options, struct failure *failure)
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
            note_smaller_rings(source, options->ring_size);
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

int xdp_mode_begin(struct source *source, struct failure *failure)
{
    struct af_xdp *capture = source->private;
    struct link_state state;

    if (link_read(capture->netlink_fd, capture->ifindex, &state) == 0)
        capture->dropped_before = state.dropped + driver_losses_read(&capture->driver_losses);
    for (uint32_t i = 0; i < source->queue_count; i++) {
        struct source_queue *queue = source->queue[i];
        int error = xdp_program_redirect(&capture->program, queue->number, queue->fd);

        if (error)
            return failure_set(failure, EXIT_FAILED, "cannot redirect RX queue %" PRIu32 " of %s (%s)", queue->number,
                               capture->settings.interface, strerror(-error));
    }
    return 0;
}

int xdp_mode_refused(struct failure *failure, const struct source *source, int error)
{
    return mode_refused(failure, source, &modes[0], error);
}
