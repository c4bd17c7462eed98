/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xtop-capture: holds the rights, fills the segment, hands it out. It parses no configuration, resolves no name and
 * writes no file of a user's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/control.h"
#include "capture/control_request.h"
#include "capture/options.h"

/* How often the driver's own loss counters are read, ms. */
#define REFRESH_MS 200

/* How long the owner may take to let go after a signal, ms. */
#define FAREWELL_MS 1000

enum { POLL_SIGNAL, POLL_FINISHED, POLL_OWNER, POLL_LISTEN, POLL_COUNT };

static int signals_open(struct failure *failure)
{
    sigset_t signals;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* shared memory is a file: where the limit is too low, the call says so */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? failure_set(failure, EXIT_FAILED, "cannot wait for signals (signalfd: %s)", strerror(errno)) : fd;
}

/*
 * One that was stopped (SIGSTOP) would not see its owner's end, and stay on the link for ever: the kernel lets it go on
 * when its parent dies. To one that runs that signal says nothing, and where the parent is dead already the socket has
 * ended. It is asked for here since an executable with capabilities begins without it.
 */
static void go_on_without_parent(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGCONT);
}

static int netns_enter(const struct options *options, struct failure *failure)
{
    if (options->netns_fd < 0)
        return 0;
    if (setns(options->netns_fd, CLONE_NEWNET) < 0)
        return failure_set(failure, errno == EPERM ? EXIT_RIGHTS : EXIT_FAILED,
                           "cannot enter the network namespace (%s; CAP_SYS_ADMIN is needed)", strerror(errno));
    close(options->netns_fd);
    return 0;
}

static void capture_finish(struct capture *capture, struct control *control)
{
    if (control->ended)
        return;
    capture_stop(capture);
    control_ended(control);
}

/* What owner and viewers may ask for alike. False where it is something else. */
static bool tap_serve(struct capture *capture, int whose, const struct control_request *request)
{
    if (request->kind == CONTROL_TAP)
        capture_tap(capture, whose, request->fd, &request->key, &request->bounds);
    else if (request->kind == CONTROL_UNTAP)
        flow_taps_end(&capture->taps, whose, TAP_ASKED);
    return request->kind == CONTROL_TAP || request->kind == CONTROL_UNTAP;
}

/* Answers the owner. False when it has gone. */
static bool owner_serve(struct capture *capture, struct control *control)
{
    struct control_request request;

    while ((request = control_request_read(control->owner)).kind != CONTROL_NONE) {
        if (request.kind == CONTROL_CLOSED)
            return false;
        if (request.kind == CONTROL_STOP)
            capture_finish(capture, control);
        else if (request.kind == CONTROL_CURSOR)
            atomic_store_explicit(&capture->shared.ended_cursor[request.queue], request.cursor, memory_order_release);
        else
            (void)tap_serve(capture, control->owner, &request);
    }
    return true;
}

/* One request of each: who has gone, or asks for what is not a viewer's, is let go of, and so is the tap. */
static void viewers_serve(struct capture *capture, struct control *control, const struct pollfd *fds)
{
    for (uint32_t i = control->viewer_count; i-- > 0;) {
        int viewer = control->viewer[i];
        struct control_request request;

        if (!fds[i].revents)
            continue;
        request = control_request_read(viewer);
        if (request.kind == CONTROL_NONE || tap_serve(capture, viewer, &request))
            continue;
        flow_taps_drop(&capture->taps, viewer);
        control_dismiss(control, i);
    }
}

/* Waits for whatever comes first, or REFRESH_MS; viewers' descriptors are behind those of POLL_. False on an error. */
static bool wait_for_any(const struct control *control, struct pollfd *fds)
{
    for (uint32_t i = 0; i < control->viewer_count; i++)
        fds[POLL_COUNT + i] = (struct pollfd){.fd = control->viewer[i], .events = POLLIN};
    return poll(fds, POLL_COUNT + control->viewer_count, REFRESH_MS) >= 0 || errno == EINTR;
}

/* After a signal: the owner gets a moment to read the last figures, then we go. */
static void owner_part(struct capture *capture, struct control *control)
{
    struct pollfd owner = {.fd = control->owner, .events = POLLIN};

    while (control->owner >= 0 && poll(&owner, 1, FAREWELL_MS) > 0)
        if (!owner_serve(capture, control))
            break;
}

/* Serves until the owner leaves, a signal comes or, with no owner, the source is at its end. */
static void serve(struct capture *capture, struct control *control, int signals)
{
    struct pollfd fds[POLL_COUNT + CONTROL_MAX_VIEWERS] = {
        [POLL_SIGNAL] = {.fd = signals, .events = POLLIN},
        [POLL_FINISHED] = {.fd = capture_event_fd(capture), .events = POLLIN},
        [POLL_OWNER] = {.fd = control->owner, .events = POLLIN},
        [POLL_LISTEN] = {.fd = control->listen, .events = POLLIN},
    };

    for (;;) {
        if (!wait_for_any(control, fds))
            return;
        if (!control->ended)
            capture_refresh(capture);
        viewers_serve(capture, control, fds + POLL_COUNT);
        /* While no descriptor is free for a viewer, others are asked for at the next turn, not at once. */
        fds[POLL_LISTEN].events = fds[POLL_LISTEN].revents && !control_accept(control) ? 0 : POLLIN;
        if (fds[POLL_FINISHED].revents && capture_note_finished(capture))
            capture_finish(capture, control);
        if (fds[POLL_OWNER].revents && !owner_serve(capture, control))
            return;
        if (control->ended && control->owner < 0)
            return;
        if (fds[POLL_SIGNAL].revents) {
            capture_finish(capture, control);
            owner_part(capture, control);
            return;
        }
    }
}

/* Without an owner the counters are the only result: one JSON line. */
static void totals_print(const struct capture *capture)
{
    uint64_t received = 0, bytes = 0, lost = 0, flows = 0, busy = 0;
    static char room[BUFSIZ];

    /* With room of its own, stdio does not ask what standard output is: the sandbox would end us for it. */
    setvbuf(stdout, room, _IOFBF, sizeof room);
    for (uint32_t i = 0; i < capture->sources.count; i++)
        lost += capture->segment.header->link[i].nic_dropped;
    for (uint32_t i = 0; i < capture->sources.queue_count; i++) {
        const struct xtop_queue *queue = segment_queue(capture->segment.header, i);

        received += queue->received;
        bytes += queue->received_bytes;
        flows += queue->flows_created;
        busy += queue->busy_ns;
        lost += queue->rx_dropped + queue->rx_ring_full + queue->rx_fill_ring_empty + queue->rx_invalid_descs +
                queue->ring_dropped;
    }
    printf("{\"received\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"flows_created\": %" PRIu64
           ", \"cpu_seconds\": %.6f, \"cpu_ns_per_packet\": %.2f, \"busy_ns_per_packet\": %.2f}\n",
           received, bytes, lost, flows, (double)capture_cpu_ns(capture) / 1e9,
           received ? (double)capture_cpu_ns(capture) / (double)received : 0.0,
           received ? (double)busy / (double)received : 0.0);
}

static int failure_report(struct control *control, const struct failure *failure)
{
    if (!control_failed(control, failure))
        fprintf(stderr, "xtop: error: %s\n", failure->text);
    return failure->exit_code;
}

int main(int argc, char **argv)
{
    static struct capture capture;
    struct control control = {.owner = -1, .listen = -1};
    struct failure failure = {0};
    const struct failure *broken;
    struct options options;
    int signals, result;

    options_default(&options);
    result = options_parse(&options, argc, argv, &failure);
    if (result > 0)
        return EXIT_DONE;
    control.owner = options.control_fd;
    if (result < 0)
        return failure_report(&control, &failure);
    if (control.owner >= 0)
        go_on_without_parent();
    signals = signals_open(&failure);
    if (signals < 0 || control_open(&control, options.control_fd, options.listen_name, &failure) < 0 ||
        netns_enter(&options, &failure) < 0 || capture_start(&capture, &options, &failure) < 0) {
        result = failure_report(&control, &failure);
        control_close(&control);
        return result;
    }
    control_ready(&control, capture.segment.fd);
    serve(&capture, &control, signals);
    capture_finish(&capture, &control);
    if (options.control_fd < 0)
        totals_print(&capture);
    broken = capture_failure(&capture);
    if (broken && options.control_fd < 0)
        fprintf(stderr, "xtop: error: %s\n", broken->text);
    result = broken ? (int)broken->exit_code : EXIT_DONE;
    control_close(&control);
    capture_close(&capture);
    return result;
}
