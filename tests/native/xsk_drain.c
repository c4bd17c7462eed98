/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs source_af_xdp alone, without flow table: opens it, says "ready" with what came of the options as one JSON line,
 * takes and recycles until standard input is closed, and prints the counters as the last JSON line. Whatever is written
 * to standard input meanwhile is answered with the number of frames received so far, on a line of its own.
 *
 *   xsk_drain INTERFACE [--netns FD] [--generic | --native] [--zero | --copy] [--busy] [--ring N] [--queue N]...
 *             [--slow US]     sleep that long after each burst (an overload)
 *             [--sum]         work out content_sum
 *
 * `content_sum` is the sum of the FNV-1a hashes of all frames as they were received (their first buffers): the same for
 * the same frames in any order, each once.
 *
 * One thread per queue, as the worker does it. Exit code: the failure's.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/source.h"

/* Bursts taken after the stop, as worker.c does it. */
#define LAST_BURSTS 1024

static atomic_bool stopping;
static struct source source = {.operations = &source_af_xdp};
static unsigned int slow_us;
static bool summing;

struct drain {
    pthread_t thread;
    struct source_queue *queue;
    struct xtop_queue counters;
    uint64_t content_sum;
    bool failed;
};

static uint64_t frame_hash(const struct frame *frame)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (uint32_t i = 0; i < frame->captured; i++)
        hash = (hash ^ frame->data[i]) * 0x100000001b3;
    return hash;
}

/* True when there were frames. */
static bool drain_take(struct drain *drain, struct burst *burst)
{
    switch (source.operations->take(drain->queue, burst)) {
    case SOURCE_FRAMES:
        for (uint32_t i = 0; i < burst->count; i++) {
            __atomic_fetch_add(&drain->counters.received, 1, __ATOMIC_RELAXED); /* print_received() looks on */
            drain->counters.received_bytes += burst->frame[i].length;
            if (summing)
                drain->content_sum += frame_hash(&burst->frame[i]);
            drain->counters.packet_size[0] += burst->frame[i].data[0] == 0xff; /* touch it: a bad address would fault */
        }
        source.operations->recycle(drain->queue, burst);
        if (slow_us)
            usleep(slow_us);
        return true;
    case SOURCE_IDLE:
        if (!source.busy_poll)
            poll(&(struct pollfd){.fd = drain->queue->fd, .events = POLLIN}, 1, drain->queue->wait_ms);
        return false;
    default:
        drain->failed = true;
        return false;
    }
}

static void *drain_run(void *argument)
{
    struct drain *drain = argument;
    struct burst *burst = calloc(1, sizeof *burst);
    time_t asked = 0;

    while (!stopping && !drain->failed) {
        time_t now = time(NULL);

        (void)drain_take(drain, burst);
        if (now != asked)
            source.operations->statistics(drain->queue, &drain->counters);
        asked = now;
    }
    /* The ring was full when we were told to stop, if this CPU had others to run: it is part of what came. */
    for (int i = 0; i < LAST_BURSTS && !drain->failed && drain_take(drain, burst); i++)
        ;
    source.operations->statistics(drain->queue, &drain->counters);
    free(burst);
    return NULL;
}

static void read_arguments(int argc, char **argv, struct options *options)
{
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";

        if (!strcmp(argv[i], "--generic"))
            options->xdp = OPTIONS_XDP_GENERIC;
        else if (!strcmp(argv[i], "--native"))
            options->xdp = OPTIONS_XDP_NATIVE;
        else if (!strcmp(argv[i], "--zero"))
            options->copy = OPTIONS_COPY_ZERO;
        else if (!strcmp(argv[i], "--copy"))
            options->copy = OPTIONS_COPY_COPY;
        else if (!strcmp(argv[i], "--busy"))
            options->busy_poll = true;
        else if (!strcmp(argv[i], "--ring"))
            options->ring_size = (uint32_t)atoi(value), options->ring_size_given = true;
        else if (!strcmp(argv[i], "--queue"))
            options->queue[options->queue_count++] = (uint16_t)atoi(value);
        else if (!strcmp(argv[i], "--slow"))
            slow_us = (unsigned int)atoi(value);
        else if (!strcmp(argv[i], "--sum"))
            summing = true;
        else if (!strcmp(argv[i], "--netns"))
            options->netns_fd = atoi(value);
    }
}

static void print_text(const char *text)
{
    for (; *text; text++)
        *text == '\n' ? (void)fputs("\\n", stdout) : (void)putchar(*text == '"' ? '\'' : *text);
}

static void print_ready(void)
{
    printf(
        "{\"ready\": true, \"queues\": %u, \"xdp_mode\": %u, \"zero_copy\": %s, \"ring_size\": %u, \"driver\": \"%s\", "
        "\"notes\": \"",
        source.queue_count, source.xdp_mode, source.zero_copy ? "true" : "false", source.ring_size, source.driver);
    print_text(source.notes);
    printf("\"}\n");
    fflush(stdout);
}

static void print_received(const struct drain *drain)
{
    uint64_t received = 0;

    for (uint32_t i = 0; i < source.queue_count; i++)
        received += __atomic_load_n(&drain[i].counters.received, __ATOMIC_RELAXED);
    printf("%" PRIu64 "\n", received);
    fflush(stdout);
}

static int print_counters(const struct drain *drain)
{
    int exit_code = 0;

    printf("{\"nic\": %" PRIu64 ", \"queues\": [", source.nic_dropped(&source));
    for (uint32_t i = 0; i < source.queue_count; i++) {
        const struct xtop_queue *counters = &drain[i].counters;

        printf("%s{\"queue\": %u, \"received\": %" PRIu64 ", \"received_bytes\": %" PRIu64 ", \"rx_dropped\": %" PRIu64
               ", \"rx_ring_full\": %" PRIu64 ", \"rx_fill_ring_empty\": %" PRIu64 ", \"rx_invalid_descs\": %" PRIu64
               ", \"content_sum\": %" PRIu64 ", \"failure\": \"",
               i ? ", " : "", drain[i].queue->number, counters->received, counters->received_bytes,
               counters->rx_dropped, counters->rx_ring_full, counters->rx_fill_ring_empty, counters->rx_invalid_descs,
               drain[i].content_sum);
        print_text(drain[i].failed ? drain[i].queue->failure.text : "");
        printf("\"}");
        if (drain[i].failed)
            exit_code = drain[i].queue->failure.exit_code;
    }
    printf("]}\n");
    return exit_code;
}

int main(int argc, char **argv)
{
    struct options options = {
        .here = {.interface = argc > 1 ? argv[1] : ""}, .netns_fd = -1, .ring_size = OPTIONS_DEFAULT_RING};
    static struct drain drain[XTOP_MAX_QUEUES];
    struct failure failure;
    char ignored[64];
    int exit_code;

    read_arguments(argc, argv, &options);
    if (options.netns_fd >= 0 && setns(options.netns_fd, CLONE_NEWNET) < 0) {
        perror("setns");
        return EXIT_FAILED;
    }
    if (source.operations->open(&source, &options, &failure) < 0 ||
        source.operations->attach(&source, &options, &failure) < 0 || source.operations->begin(&source, &failure) < 0) {
        fprintf(stderr, "xtop: error: %s\n", failure.text);
        return failure.exit_code;
    }
    print_ready();
    for (uint32_t i = 0; i < source.queue_count; i++) {
        drain[i].queue = source.queue[i];
        pthread_create(&drain[i].thread, NULL, drain_run, &drain[i]);
    }
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0)
        print_received(drain);
    stopping = true;
    for (uint32_t i = 0; i < source.queue_count; i++)
        pthread_join(drain[i].thread, NULL);
    exit_code = print_counters(drain);
    source.operations->close(&source);
    return exit_code;
}
