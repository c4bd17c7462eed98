/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every capture of a directory, the first 200 packets of each cut at every byte of their headers, through the whole flow
 * path: parser, fragments, table.
 *
 *   test_hostile_corpus DIRECTORY
 *
 * Each frame ends where a page without rights begins, so that the first byte read behind it ends the process, sanitizer or
 * not; under AddressSanitizer the bytes before it are forbidden, too. The wire's length is the packet's in one round
 * (a snapped capture) and the cut's in the next (a frame that ended early). After each burst the conservation law holds,
 * and in the end the packets of all flows are those that the law says.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/link_type.h"
#include "capture/segment.h"
#include "capture/worker_burst.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define PACKETS_EACH 200
#define HEADERS_MOST 320       /* bytes: deeper than any header chain of the corpus */
#define ROOM 4096              /* of a frame; a page */
#define STEP UINT64_C(1000000) /* ns between frames */
#define START UINT64_C(1700000000000000000)
#define SECOND UINT64_C(1000000000)

/* A way of counting: what the options ask for. */
struct way {
    const char *name;
    struct options options;
};

static const struct way ways[] = {
    {"innermost header", {.source_kind = XTOP_SOURCE_FILE, .decap = true, .sampling = {1, false}}},
    {"outermost header", {.source_kind = XTOP_SOURCE_FILE, .decap = false, .sampling = {1, false}}},
    {"sampled, without duplicates",
     {.source_kind = XTOP_SOURCE_FILE, .decap = true, .sampling = {3, true}, .dedup_window = SECOND}},
};

/* The flow path with all that it needs, and the burst that is being filled. */
struct path {
    struct segment segment;
    struct source_queue input;
    struct source source;
    struct worker_shared shared;
    struct worker_queue queue;
    struct burst burst;
    uint64_t time;
    uint64_t frames;
    uint8_t *room[SOURCE_BURST]; /* a page each, with a page without rights behind */
};

static void require(bool true_, const struct path *path, const char *what)
{
    const struct xtop_queue *counts = &path->queue.counts;

    if (true_)
        return;
    fprintf(stderr, "%s, after %llu frames: received %llu, accounted %llu, non_ip %llu, malformed %llu\n", what,
            (unsigned long long)path->frames, (unsigned long long)counts->received,
            (unsigned long long)counts->accounted, (unsigned long long)counts->non_ip,
            (unsigned long long)counts->malformed);
    exit(1);
}

static void path_recycle(struct source_queue *queue, const struct burst *burst)
{
    (void)queue;
    (void)burst;
}

static const struct source_operations operations = {.name = "corpus", .recycle = path_recycle};

static void path_open(struct path *path, const struct options *options)
{
    const struct segment_plan plan = {1, 4096, 4096, 1, 0};
    struct failure failure;

    path->input = (struct source_queue){.source = &path->source, .fd = -1, .link = LINK_ETHERNET};
    if (segment_create(&path->segment, &plan, &failure) < 0)
        exit(1);
    path->segment.header->idle_timeout = 30 * SECOND;
    path->segment.header->active_timeout = 300 * SECOND;
    path->source = (struct source){.operations = &operations, .queue = {&path->input}, .queue_count = 1};
    path->shared = (struct worker_shared){.header = path->segment.header, .stock_fd = -1};
    path->time = START;
    path->burst = (struct burst){.timed = true};
    for (uint32_t i = 0; i < SOURCE_BURST; i++) {
        path->room[i] = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (path->room[i] == MAP_FAILED || mprotect(path->room[i] + ROOM, ROOM, PROT_NONE) < 0)
            exit(1);
    }
    if (worker_queue_open(&path->queue, &path->shared, &path->input, 0, -1, options) < 0)
        exit(1);
}

static uint64_t packets_of_flows(const struct path *path)
{
    const struct xtop_queue *published = segment_queue(path->segment.header, 0);
    uint64_t packets = 0;

    for (int protocol = 0; protocol < 256; protocol++)
        packets += published->ended_protocol[protocol].packets;
    return packets;
}

static void require_law(const struct path *path)
{
    const struct xtop_queue *counts = &path->queue.counts;

    require(counts->received == counts->accounted + counts->non_ip + counts->malformed + counts->filtered +
                                    counts->sampled_out + counts->table_full + counts->duplicates,
            path, "the conservation law is broken");
}

static void path_flush(struct path *path)
{
    path->frames += path->burst.count;
    worker_count_burst(&path->queue, &path->burst, path->time);
    path->burst.count = 0;
    fragments_expire(path->queue.fragments, path->time);
    flow_table_sweep(&path->queue.table, path->time);
    require_law(path);
}

/* All flows end: nothing is left that could hide a packet. */
static void path_close(struct path *path)
{
    path_flush(path);
    fragments_expire(path->queue.fragments, UINT64_MAX);
    flow_table_sweep_all(&path->queue.table, path->time + 3600 * SECOND);
    require_law(path);
    require(path->queue.counts.received == path->frames, path, "not every frame was received");
    require(packets_of_flows(path) == path->queue.counts.accounted, path, "flows miss packets that were accounted for");
    worker_queue_close(&path->queue);
    segment_destroy(&path->segment);
    for (uint32_t i = 0; i < SOURCE_BURST; i++) {
        ASAN_UNPOISON_MEMORY_REGION(path->room[i], ROOM);
        munmap(path->room[i], 2 * ROOM);
    }
}

static void path_give(struct path *path, const uint8_t *data, uint32_t captured, uint32_t wire)
{
    uint8_t *room = path->room[path->burst.count];
    uint8_t *at = room + ROOM - captured;

    ASAN_UNPOISON_MEMORY_REGION(room, ROOM);
    if (captured)
        memcpy(at, data, captured);
    ASAN_POISON_MEMORY_REGION(room, ROOM - captured);
    path->burst.frame[path->burst.count++] = (struct frame){at, captured, wire, path->time, 0};
    path->time += STEP;
    if (path->burst.count == SOURCE_BURST)
        path_flush(path);
}

/* One packet at every length; `length` is the wire's. */
static void path_cut(struct path *path, const uint8_t *data, uint32_t captured, uint32_t length)
{
    uint32_t headers = captured < HEADERS_MOST ? captured : HEADERS_MOST;

    for (uint32_t cut = 0; cut <= headers; cut++) {
        path_give(path, data, cut, length);
        path_give(path, data, cut, cut);
    }
}

/* False where it is no capture that xtop reads. */
static bool path_read(struct path *path, const char *name)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(name, error);
    struct pcap_pkthdr *header;
    const u_char *data;

    if (!pcap)
        return false;
    if (!link_type_of(pcap_datalink(pcap), &path->input.link)) {
        pcap_close(pcap);
        return false;
    }
    for (int i = 0; i < PACKETS_EACH && pcap_next_ex(pcap, &header, &data) == 1; i++)
        path_cut(path, data, header->caplen < ROOM ? header->caplen : ROOM, header->len);
    path_flush(path); /* the next file may have another link type */
    pcap_close(pcap);
    return true;
}

static uint32_t directory_read(struct path *path, const char *directory)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    char name[4096];
    uint32_t files = 0;

    if (!entries) {
        perror(directory);
        exit(2);
    }
    while ((entry = readdir(entries)) != NULL) {
        snprintf(name, sizeof name, "%s/%s", directory, entry->d_name);
        files += path_read(path, name);
    }
    closedir(entries);
    return files;
}

int main(int argc, char **argv)
{
    static struct path path;

    if (argc != 2) {
        fprintf(stderr, "usage: test_hostile_corpus DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        uint32_t files;

        memset(&path, 0, sizeof path);
        path_open(&path, &ways[i].options);
        files = directory_read(&path, argv[1]);
        path_close(&path);
        printf("%s: %u files, %llu frames\n", ways[i].name, files, (unsigned long long)path.frames);
        if (files == 0)
            return 1;
    }
    return 0;
}
