/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every capture of a directory twice over: all packets through one queue, and each direction through a queue of its own, as
 * a NIC whose RSS is not symmetric deals them out. What the reader says of the flows must be the same.
 *
 *   test_asymmetric DIRECTORY
 *
 * Frames come a microsecond apart, so that no flow ends in between: a flow whose directions lie in two queues ends in each
 * by itself.
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
#include <unistd.h>

#include "capture/flow_record.h"
#include "capture/link_type.h"
#include "capture/reader.h"
#include "capture/segment.h"
#include "capture/worker.h"

#define START UINT64_C(1700000000000000000)
#define STEP UINT64_C(1000)

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04 };

/* A capture of one queue or two. */
struct side {
    struct segment segment;
    struct source_queue input[2];
    struct source source;
    struct worker_shared shared;
    struct worker_queue queue[2];
    uint32_t queues;
    struct reader_result result;
};

static void side_recycle(struct source_queue *queue, const struct burst *burst)
{
    (void)queue;
    (void)burst;
}

static const struct source_operations operations = {.name = "corpus", .recycle = side_recycle};
static const struct options options = {.source_kind = XTOP_SOURCE_FILE, .decap = true, .sampling = {1, false}};

static void side_open(struct side *side, uint32_t queues, enum link_type link)
{
    const struct segment_plan plan = {queues, 16384, 4096, 1, 0};
    struct failure failure;

    memset(side, 0, sizeof *side);
    side->queues = queues;
    if (segment_create(&side->segment, &plan, &failure) < 0)
        exit(1);
    side->segment.header->idle_timeout = side->segment.header->active_timeout = UINT64_C(1) << 60;
    side->source = (struct source){.operations = &operations, .queue_count = queues};
    side->shared = (struct worker_shared){.source = &side->source, .header = side->segment.header, .stock_fd = -1};
    for (uint32_t i = 0; i < queues; i++) {
        side->input[i] = (struct source_queue){.fd = -1, .link = link, .number = i};
        side->source.queue[i] = &side->input[i];
    }
    for (uint32_t i = 0; i < queues; i++)
        if (worker_queue_open(&side->queue[i], &side->shared, i, -1, &options) < 0)
            exit(1);
}

static void side_give(struct side *side, uint32_t direction, struct frame frame)
{
    struct worker_queue *queue = &side->queue[side->queues > 1 ? direction : 0];
    struct burst burst = {.count = 1, .timed = true, .frame = {frame}};

    worker_count_burst(queue, &burst, frame.time);
}

static int row_compare(const void *left, const void *right)
{
    return memcmp(&((const struct reader_row *)left)->record.key, &((const struct reader_row *)right)->record.key,
                  sizeof(struct xtop_key));
}

/* Looks, and closes all but the rows. */
static void side_close(struct side *side)
{
    const struct reader_view view = {.over = true, .over_span = true};
    char error[256];
    struct reader *reader;

    for (uint32_t i = 0; i < side->queues; i++) {
        fragments_expire(side->queue[i].fragments, UINT64_MAX);
        worker_publish(&side->queue[i], START);
    }
    reader = reader_open(side->segment.fd, error, sizeof error);
    if (!reader || reader_look(reader, &view, &side->result) < 0)
        exit(1);
    qsort(side->result.row, side->result.row_count, sizeof *side->result.row, row_compare);
    reader_close(reader);
    for (uint32_t i = 0; i < side->queues; i++)
        worker_queue_close(&side->queue[i]);
    segment_destroy(&side->segment);
}

/* What the queues keep for themselves, and what none of them could know, is no part of the flow. */
static struct xtop_record flow_of(const struct reader_row *row)
{
    struct xtop_record record = row->record;

    record.sequence = record.generation = 0;
    record.tcp_next[0] = record.tcp_next[1] = 0;
    record.fin_seen = 0;
    return record;
}

static const char *difference(const struct xtop_record *one, const struct xtop_record *two)
{
    if (memcmp(&one->key, &two->key, sizeof one->key) != 0)
        return "key";
    if (one->initiator != two->initiator)
        return "initiator";
    if (memcmp(one->direction, two->direction, sizeof one->direction) != 0)
        return "packets, bytes or what headers said";
    if (memcmp(one->first_seen, two->first_seen, sizeof one->first_seen) != 0 ||
        memcmp(one->last_seen, two->last_seen, sizeof one->last_seen) != 0)
        return "times";
    if (one->tcp_state != two->tcp_state)
        return "TCP state";
    if (one->rtt_us != two->rtt_us)
        return "round-trip time";
    return memcmp(one, two, sizeof *one) == 0 ? NULL : "the rest";
}

/*
 * What two queues cannot know of each other: whether a RST came before the other end's FIN where more than one was sent, and
 * of a SYN in the middle of a flow that another end began.
 */
static void undecidable_take_out(struct xtop_record *one, struct xtop_record *two)
{
    uint16_t flags = one->direction[0].tcp_flags | one->direction[1].tcp_flags;

    if (one->direction[0].tcp_flags & one->direction[1].tcp_flags & TCP_FIN && flags & TCP_RST &&
        one->tcp_state >= XTOP_TCP_CLOSED && two->tcp_state >= XTOP_TCP_CLOSED)
        one->tcp_state = two->tcp_state;
    if (flags & TCP_SYN && one->first_seen[one->initiator] > record_first_seen(one))
        one->initiator = two->initiator;
}

static int rows_compare(const struct side *one, const struct side *two, const char *name)
{
    int faults = one->result.row_count != two->result.row_count;

    if (faults)
        printf("%s: %llu flows over one queue, %llu over two\n", name, (unsigned long long)one->result.row_count,
               (unsigned long long)two->result.row_count);
    for (uint64_t i = 0; !faults && i < one->result.row_count; i++) {
        struct xtop_record left = flow_of(&one->result.row[i]);
        struct xtop_record right = flow_of(&two->result.row[i]);
        const char *what;

        undecidable_take_out(&left, &right);
        what = difference(&left, &right);
        if (!what)
            continue;
        printf("%s: flow %llu (ports %u, %u) of protocol %u differs in: %s (states %u and %u, initiators %u and %u, "
               "rtt %u and %u)\n",
               name, (unsigned long long)i, left.key.port[0], left.key.port[1], left.key.protocol, what, left.tcp_state,
               right.tcp_state, left.initiator, right.initiator, left.rtt_us, right.rtt_us);
        faults++;
    }
    return faults;
}

static void packets_give(pcap_t *pcap, struct side *one, struct side *two, enum link_type link)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    uint64_t time = START;

    while (pcap_next_ex(pcap, &header, &data) == 1) {
        struct frame frame = {data, header->caplen, header->len, time += STEP, 0};
        struct packet packet = {0};

        parse_frame(data, header->caplen, header->len, link, true, &packet);
        side_give(one, packet.direction, frame);
        side_give(two, packet.direction, frame);
    }
}

/* Returns how many flows differ; counts the flows. */
static int file_compare(const char *path, uint64_t *flows)
{
    static struct side one, two;
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, error);
    enum link_type link;
    int faults;

    if (!pcap)
        return 0;
    if (!link_type_of(pcap_datalink(pcap), &link)) {
        pcap_close(pcap);
        return 0;
    }
    side_open(&one, 1, link);
    side_open(&two, 2, link);
    packets_give(pcap, &one, &two, link);
    pcap_close(pcap);
    side_close(&one);
    side_close(&two);
    faults = rows_compare(&one, &two, path);
    *flows += one.result.row_count;
    reader_rows_free(one.result.row);
    reader_rows_free(two.result.row);
    return faults;
}

int main(int argc, char **argv)
{
    DIR *entries = argc == 2 ? opendir(argv[1]) : NULL;
    const struct dirent *entry;
    char path[4096];
    uint64_t flows = 0;
    int faults = 0;

    if (!entries) {
        fprintf(stderr, "usage: test_asymmetric DIRECTORY\n");
        return 2;
    }
    while ((entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        faults += file_compare(path, &flows);
    }
    closedir(entries);
    printf("%llu flows, %d differ\n", (unsigned long long)flows, faults);
    return faults || flows == 0;
}
