/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every capture of a directory twice over: all packets through one queue, and each direction through a queue of its own, as
 * a NIC whose RSS is not symmetric deals them out. What the reader says of the flows must be the same.
 *
 *   test_asymmetric DIRECTORY
 *
 * Once with frames a microsecond apart, so that no flow ends in between and all are joined as they live; and with the
 * frames' own times, so that each queue ends what it has of a flow by itself, and the pieces are joined as they are told of.
 * TCP's ends and the active timeout's cuts are agreed on by the queues' hands, none of which sees both FINs. And once with
 * a worker that sleeps, so that the answers are counted before what they answer.
 *
 * All of a record is held against the other but what the queues keep for themselves (flow_of).
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

#include "capture/flow_parts.h"
#include "capture/flow_record.h"
#include "capture/flow_table.h"
#include "capture/link_type.h"
#include "capture/reader.h"
#include "capture/segment.h"
#include "capture/worker_burst.h"

#define START UINT64_C(1700000000000000000)
#define STEP UINT64_C(1000)
#define NEVER (UINT64_C(1) << 60)
#define SECOND UINT64_C(1000000000)
#define MOST_FLOWS 65536
#define LATE (50 * UINT64_C(1000000)) /* longer than any capture at a microsecond a frame */
#define TURNS 8                       /* of the clock hand, between two packets far apart */
#define TAKE_EVERY 7                  /* packets between two looks at the rings */

/* How the frames come: `own_times`, or a microsecond apart. The queue that has those of end `late_end` sleeps for LATE. */
struct pass {
    const char *name;
    bool own_times;
    uint64_t idle_timeout;
    uint64_t active_timeout;
    uint32_t late_end; /* 2 = none */
};

static const struct pass passes[] = {
    {"as they live", false, NEVER, NEVER, 2},
    {"ended after a second", true, SECOND, NEVER, 2},
    {"ended after two seconds", true, RECORD_TCP_QUIET, NEVER, 2},
    {"ended by TCP", true, 30 * SECOND, NEVER, 2},
    {"cut after a second", true, 30 * SECOND, SECOND, 2},
    {"cut after five seconds", true, 30 * SECOND, 5 * SECOND, 2},
    {"worker of end 0 late", false, NEVER, NEVER, 0},
    {"worker of end 1 late", false, NEVER, NEVER, 1},
};

/* A capture of one queue or two. */
struct side {
    struct segment segment;
    struct source_queue input[2];
    struct source source;
    struct worker_shared shared;
    struct worker_queue queue[2];
    uint32_t queues;
    struct reader *reader;
    struct xtop_record *flow; /* all that there were, in order of key and time */
    uint64_t flows;
    uint64_t aged; /* ns: up to when */
};

static void side_recycle(struct source_queue *queue, const struct burst *burst)
{
    (void)queue;
    (void)burst;
}

static const struct source_operations operations = {.name = "corpus", .recycle = side_recycle};
static const struct options options = {.source_kind = XTOP_SOURCE_INTERFACE, .decap = true, .sampling = {1, false}};

static void side_open(struct side *side, uint32_t queues, enum link_type link, const struct pass *pass)
{
    const struct segment_plan plan = {queues, 16384, 4096, 1, 0};
    struct failure failure;
    char error[256];

    memset(side, 0, sizeof *side);
    side->queues = queues;
    if (segment_create(&side->segment, &plan, &failure) < 0)
        exit(1);
    side->segment.header->idle_timeout = pass->idle_timeout;
    side->segment.header->active_timeout = pass->active_timeout;
    side->source = (struct source){.operations = &operations, .queue_count = queues};
    side->shared = (struct worker_shared){.header = side->segment.header, .stock_fd = -1};
    for (uint32_t i = 0; i < queues; i++) {
        side->input[i] = (struct source_queue){.source = &side->source, .fd = -1, .link = link, .number = i};
        side->source.queue[i] = &side->input[i];
    }
    side->shared.boxes = queues > 1 ? flow_boxes_open(queues) : NULL;
    for (uint32_t i = 0; i < queues; i++)
        if (worker_queue_open(&side->queue[i], &side->shared, &side->input[i], i, -1, &options) < 0)
            exit(1);
    side->reader = reader_open(side->segment.fd, error, sizeof error);
    side->flow = malloc(MOST_FLOWS * sizeof *side->flow);
    if (!side->reader || !side->flow)
        exit(1);
}

static void side_sweep(struct side *side, uint64_t time)
{
    for (uint32_t i = 0; i < side->queues; i++)
        fragments_expire(side->queue[i].fragments, time);
    for (uint32_t i = 0; i < side->queues * side->queues; i++) /* what they write each other is read */
        flow_table_sweep_all(&side->queue[i % side->queues].table, time);
}

/* Time goes on in all queues, whichever the frames come over, as the clock hand has it: by turns at most. */
static void side_age(struct side *side, uint64_t time)
{
    uint64_t turn = side->aged;

    for (int i = 0; i < TURNS && turn && turn + FLOW_TABLE_TURN < time; i++) {
        turn += FLOW_TABLE_TURN;
        side_sweep(side, turn);
    }
    side_sweep(side, time);
    side->aged = time;
}

static void side_take(struct side *side)
{
    side->flows += reader_take_ended(side->reader, side->flow + side->flows, MOST_FLOWS - side->flows);
}

static void side_give(struct side *side, uint32_t direction, struct frame frame, const struct pass *pass)
{
    struct worker_queue *queue = &side->queue[side->queues > 1 ? direction : 0];
    struct burst burst = {.count = 1, .timed = true};

    frame.time += side->queues > 1 && direction == pass->late_end ? LATE : 0;
    burst.frame[0] = frame;

    worker_count_burst(queue, &burst, frame.time);
}

static int flow_compare(const void *left, const void *right)
{
    const struct xtop_record *one = left, *two = right;
    int order = memcmp(&one->key, &two->key, sizeof one->key);
    uint64_t first = record_first_seen(one), second = record_first_seen(two);

    return order ? order : (first > second) - (first < second);
}

/* What has ended, then what lives; closes all but the flows. */
static void side_close(struct side *side)
{
    const struct reader_view view = {.over = true, .over_span = true};
    struct reader_result result;

    for (uint32_t i = 0; i < side->queues; i++) {
        fragments_expire(side->queue[i].fragments, UINT64_MAX);
        worker_publish(&side->queue[i], START);
    }
    side_take(side);
    if (reader_look(side->reader, &view, &result) < 0 || side->flows + result.row_count > MOST_FLOWS)
        exit(1);
    for (uint64_t i = 0; i < result.row_count; i++)
        side->flow[side->flows++] = result.row[i].record;
    qsort(side->flow, side->flows, sizeof *side->flow, flow_compare);
    reader_rows_free(result.row);
    reader_close(side->reader);
    for (uint32_t i = 0; i < side->queues; i++)
        worker_queue_close(&side->queue[i]);
    flow_boxes_close(side->shared.boxes);
    segment_destroy(&side->segment);
}

/* What the queues keep for themselves is no part of the flow. */
static struct xtop_record flow_of(const struct xtop_record *flow)
{
    struct xtop_record record = *flow;

    record.sequence = record.generation = 0;
    record.tcp_next[0] = record.tcp_next[1] = 0;
    record.seen = record.cut_along = 0;
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
    if (one->end_reason != two->end_reason)
        return "reason of its end";
    return memcmp(one, two, sizeof *one) == 0 ? NULL : "the rest";
}

/* A worker that slept stamps late, and where nobody opened the flow no more than its stamps tell who was first. */
static void lateness_take_out(const struct xtop_record *one, uint32_t end, struct xtop_record *two)
{
    if (!two->direction[end].packets)
        return;
    two->first_seen[end] -= LATE;
    two->last_seen[end] -= LATE;
    if (one->seen & XTOP_SEEN_OPENED)
        return;
    two->initiator = one->initiator;
    two->tunnel = one->tunnel;
    two->tunnel_id = one->tunnel_id;
}

static int flows_compare(const struct pass *pass, const struct side *one, const struct side *two, const char *name)
{
    int faults = one->flows != two->flows;

    if (faults)
        printf("%s: %llu flows over one queue, %llu over two\n", name, (unsigned long long)one->flows,
               (unsigned long long)two->flows);
    for (uint64_t i = 0; !faults && i < one->flows; i++) {
        struct xtop_record left = flow_of(&one->flow[i]);
        struct xtop_record right = flow_of(&two->flow[i]);
        const char *what;

        if (pass->late_end < 2)
            lateness_take_out(&one->flow[i], pass->late_end, &right);
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

/* Deals the packets out; times never go back. */
static void packets_give(pcap_t *pcap, struct side *one, struct side *two, enum link_type link, const struct pass *pass)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    uint64_t time = START;

    for (uint64_t number = 1; pcap_next_ex(pcap, &header, &data) == 1; number++) {
        uint64_t own = (uint64_t)header->ts.tv_sec * SECOND + (uint64_t)header->ts.tv_usec * 1000;
        struct frame frame = {data, header->caplen, header->len, time, 0};
        struct packet packet = {0};

        if (number == 1 && pass->own_times)
            time = own;
        time = pass->own_times ? (own > time ? own : time) : time + STEP;
        frame.time = time;
        parse_frame(data, header->caplen, header->len, link, true, &packet);
        side_age(one, time);
        side_age(two, time);
        side_give(one, packet.direction, frame, pass);
        side_give(two, packet.direction, frame, pass);
        if (number % TAKE_EVERY == 0) {
            side_take(one);
            side_take(two);
        }
    }
}

/* Returns how many flows differ; counts the flows. */
static int file_compare(const char *path, const struct pass *pass, uint64_t *flows)
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
    side_open(&one, 1, link, pass);
    side_open(&two, 2, link, pass);
    packets_give(pcap, &one, &two, link, pass);
    pcap_close(pcap);
    side_close(&one);
    side_close(&two);
    faults = flows_compare(pass, &one, &two, path);
    *flows += one.flows;
    free(one.flow);
    free(two.flow);
    return faults;
}

static int directory_compare(const char *directory, const struct pass *pass)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    char path[4096];
    uint64_t flows = 0;
    int faults = 0;

    if (!entries)
        return 1;
    while ((entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        faults += file_compare(path, pass, &flows);
    }
    closedir(entries);
    printf("%s: %llu flows, %d differ\n", pass->name, (unsigned long long)flows, faults);
    return faults || flows == 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: test_asymmetric DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++)
        failed |= directory_compare(argv[1], &passes[i]);
    return failed;
}
