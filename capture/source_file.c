/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames from a pcap or pcapng file, or from standard input, through libpcap. The file was opened by the caller, with
 * the caller's rights. Packets are copied into the queue's own room: libpcap reuses its buffer at each packet, and a
 * burst must stay readable until it is recycled. The plain records of a pcap file come a shorter way (pcap_records.h).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/file_window.h"
#include "capture/libpcap_limit.h"
#include "capture/link_type.h"
#include "capture/monotonic_clock.h"
#include "capture/pcap_records.h"
#include "capture/sandbox.h"
#include "capture/source.h"

/* Of a frame so much is looked at: payload is counted by value, and duplicates are told by it. */
#define FRAME_MOST PCAP_RECORDS_LONGEST

/* Room for a burst's frames, side by side: 64 of Ethernet's, or a few large ones. */
#define ROOM (SOURCE_BURST * 2048 + FRAME_MOST)
#define ROOM_STEP 64u /* bytes: a cache line */

/* Replay: sleep no longer than this between looks at the clock, ms. */
#define REPLAY_WAIT_MS 10

struct file_queue {
    struct source_queue queue; /* first: the worker's handle */
    pcap_t *pcap;
    const char *name;
    uint64_t packets; /* read so far, for messages */
    bool realtime;
    bool seconds_32;     /* pcap: its seconds have 32 bits and no sign, which libpcap gives them */
    uint64_t first_time; /* ns: of the file's first packet */
    uint64_t started;    /* monotonic ns when it was replayed */
    bool held;           /* `header` and `data` are read, but not due yet */
    struct pcap_pkthdr *header;
    const u_char *data;
    uint32_t used; /* bytes of `room` */
    uint8_t room[ROOM];
    struct pcap_records records;
};

static pcap_t *file_open(struct file_queue *file, const struct options *options, struct failure *failure)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    off_t begin = lseek(options->file_fd, 0, SEEK_CUR);
    FILE *stream = fdopen(options->file_fd, "rb");
    pcap_t *pcap;

    if (!stream) {
        failure_set(failure, EXIT_FAILED, "cannot read %s (%s)", options->file_name, strerror(errno));
        return NULL;
    }
    setvbuf(stream, NULL, _IOFBF, 1 << 20);
    pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error);
    if (!pcap) {
        failure_set(failure, EXIT_FAILED, "cannot read %.100s (%.120s; a pcap or pcapng file is needed)",
                    options->file_name, error);
        fclose(stream);
    } else if (!options->realtime) {
        pcap_records_open(&file->records, stream, begin, (uint32_t)pcap_snapshot(pcap));
    }
    return pcap;
}

static void file_close(struct source *source)
{
    struct file_queue *file = (struct file_queue *)source->queue[0];

    if (!file)
        return;
    file_window_close();
    pcap_close(file->pcap);
    free(file);
    source->queue[0] = NULL;
}

static int file_source_open(struct source *source, const struct options *options, struct failure *failure)
{
    struct file_queue *file = calloc(1, sizeof *file);
    char name[LINK_TYPE_NAME];

    if (!file)
        return failure_set(failure, EXIT_FAILED, "out of memory");
    file->pcap = file_open(file, options, failure);
    if (!file->pcap) {
        free(file);
        return -1;
    }
    source->queue[0] = &file->queue;
    source->queue_count = 1;
    file->name = options->file_name;
    file->realtime = options->realtime;
    file->seconds_32 = pcap_major_version(file->pcap) == PCAP_VERSION_MAJOR;
    file->queue.fd = -1;
    source->sandbox_needs = SANDBOX_FILE;
    file->queue.wait_ms = REPLAY_WAIT_MS;
    source->datalink = pcap_datalink(file->pcap);
    if (link_type_of(pcap_datalink(file->pcap), &file->queue.link))
        return 0;
    failure_set(
        failure, EXIT_FAILED,
        "cannot read %.120s (link type %s, which xtop cannot read; Ethernet, raw IP, Linux SLL or loopback is needed)",
        options->file_name, link_type_name(source->datalink, name, sizeof name));
    file_close(source);
    return -1;
}

/* Says why libpcap reads no more. */
static enum source_result file_broken(struct file_queue *file)
{
    const char *why = pcap_geterr(file->pcap);

    if (!libpcap_limit_tell(&file->queue.failure, file->name, file->packets, why))
        failure_set(&file->queue.failure, EXIT_FAILED,
                    "%.80s is damaged after packet %llu (%.100s; what was read before is counted)", file->name,
                    (unsigned long long)file->packets, why);
    return SOURCE_FAILED;
}

/* Reads one packet ahead. Returns SOURCE_FRAMES when it is held, else why there is none. */
static enum source_result file_read(struct file_queue *file)
{
    int result;

    if (file->held)
        return SOURCE_FRAMES;
    result = pcap_next_ex(file->pcap, &file->header, &file->data);
    if (result == PCAP_ERROR_BREAK)
        return SOURCE_END;
    if (result != 1)
        return file_broken(file);
    file->packets++;
    file->held = true;
    return SOURCE_FRAMES;
}

/* libpcap puts nanoseconds where microseconds are called for (PCAP_TSTAMP_PRECISION_NANO). */
static uint64_t packet_time(const struct file_queue *file)
{
    uint64_t seconds = (uint64_t)file->header->ts.tv_sec & (file->seconds_32 ? UINT32_MAX : UINT64_MAX);
    uint64_t time = seconds * 1000000000 + (uint64_t)file->header->ts.tv_usec;

    return time ? time : 1; /* 0 means "never" in a record */
}

/* Replay: whether the held packet's moment has come. */
static bool file_due(struct file_queue *file)
{
    uint64_t time = packet_time(file);

    if (!file->realtime)
        return true;
    if (!file->started) {
        file->started = monotonic_now();
        file->first_time = time;
    }
    return time <= file->first_time || time - file->first_time <= monotonic_now() - file->started;
}

static void file_deliver(struct file_queue *file, struct burst *burst)
{
    struct frame *frame = &burst->frame[burst->count];
    uint32_t captured = file->header->caplen < FRAME_MOST ? file->header->caplen : FRAME_MOST;

    *frame = (struct frame){
        .data = memcpy(&file->room[file->used], file->data, captured),
        .captured = captured,
        .length = file->header->len > captured ? file->header->len : captured,
        .time = packet_time(file),
    };
    burst->count++;
    file->used += (captured + ROOM_STEP - 1) & ~(ROOM_STEP - 1);
    file->held = false;
}

/* Frames where they lie in the window, which is moved when a burst would have none. False: libpcap goes on. */
static bool records_take(struct file_queue *file, struct burst *burst)
{
    off_t begin = pcap_records_place(&file->records);
    struct pcap_record record;

    for (int turn = 0; turn < 2 && burst->count == 0; turn++) {
        if (turn)
            pcap_records_fill(&file->records);
        while (burst->count < SOURCE_BURST && pcap_records_next(&file->records, &record)) {
            burst->frame[burst->count++] = (struct frame){
                .data = record.data,
                .captured = record.captured,
                .length = record.length > record.captured ? record.length : record.captured,
                .time = record.time ? record.time : 1,
            };
        }
    }
    if (file_window_torn() || (burst->count < SOURCE_BURST && !file_window_whole()))
        burst->count = 0; /* were these the file's? libpcap knows */
    else
        begin = pcap_records_place(&file->records);
    file->packets += burst->count;
    if (burst->count == 0)
        pcap_records_close(&file->records, begin);
    return burst->count > 0;
}

static enum source_result file_take(struct source_queue *queue, struct burst *burst)
{
    struct file_queue *file = (struct file_queue *)queue;
    enum source_result result = SOURCE_FRAMES;

    burst->timed = true;
    burst->count = 0;
    if (file->records.stream && records_take(file, burst))
        return SOURCE_FRAMES;
    file->used = 0;
    while (burst->count < SOURCE_BURST && file->used <= ROOM - FRAME_MOST) {
        result = file_read(file);
        if (result != SOURCE_FRAMES || !file_due(file))
            break;
        file_deliver(file, burst);
    }
    if (result == SOURCE_FRAMES && burst->count == 0)
        return SOURCE_IDLE;
    return result;
}

static void file_recycle(struct source_queue *queue, const struct burst *burst)
{
    (void)queue;
    (void)burst;
}

static void file_statistics(struct source_queue *queue, struct xtop_queue *counters)
{
    (void)queue;
    (void)counters;
}

const struct source_operations source_file = {
    .name = "file",
    .open = file_source_open,
    .take = file_take,
    .recycle = file_recycle,
    .statistics = file_statistics,
    .close = file_close,
};
