/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long one look takes at a table of live flows, without a filter and with some, by the clock on the wall. Not a test: absolute times belong
 * to a machine.
 *
 *     look_timing [FLOWS [LOOKS [QUEUES [DIRECTIONS [KIND]]]]]
 *
 * With DIRECTIONS 2 every flow has a second packet, from its other end, in the queue after its first's. Of looks whose name has
 * KIND in it; of all of them without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "capture/reader.h"
#include "capture/segment_map.h"
#include "queues_fixture.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

/* Tables under a reader, and what a row of figures is made of. */
struct bench {
    struct queues_fixture queues;
    uint32_t flows;
    uint32_t directions;
    int looks;
};

static void feed(struct bench *bench, uint32_t flow, uint64_t time)
{
    for (uint32_t direction = 0; direction < bench->directions; direction++) {
        struct packet packet = fixture_packet(flow, (uint8_t)direction);

        packet_plain(&packet);
        queues_feed(&bench->queues, (flow + direction) % bench->queues.count, packet, time);
    }
}

/* Flows have had one packet to eight each, in no order. */
static void fill(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->flows; i++)
        for (uint32_t n = 0; n < 1 + (i * UINT32_C(2654435761) >> 29); n++)
            feed(bench, i, START + i * UINT64_C(1000));
}

static int collapse_range(struct xtop_header *header, uint64_t from, uint64_t size)
{
    uint64_t begin = from & ~(SEGMENT_WINDOW - 1);
    uint64_t end = (from + size + SEGMENT_WINDOW - 1) & ~(SEGMENT_WINDOW - 1);

    return madvise((uint8_t *)header + begin, end - begin, MADV_COLLAPSE);
}

/* As the stocker of a live capture does. */
static const char *collapse(struct queues_fixture *queues)
{
    struct xtop_header *header = queues->segment.header;
    int failed = 0;

    for (uint32_t i = 0; i < queues->count; i++) {
        const struct xtop_shard *shard = segment_shard(header, i);
        uint64_t slots = shard->records_used + UINT64_C(1);

        failed |= collapse_range(header, shard->slots_offset, slots * sizeof(struct xtop_slot));
        failed |= collapse_range(header, shard->rests_offset, slots * sizeof(struct xtop_rest));
        failed |= collapse_range(header, shard->index_offset, shard->bucket_count * sizeof(struct xtop_bucket));
    }
    return failed ? "small pages" : "huge pages";
}

/* A second later, one packet more for one flow in `every`; 0: for none. */
static void move(struct bench *bench, uint32_t every, uint32_t round)
{
    for (uint32_t i = 0; every && i < bench->flows; i += every)
        feed(bench, i, START + (bench->flows / 1000000 + 2 + round) * SECOND + i);
}

/* Looks of one kind: which flows have a packet before each, and what is asked. */
struct kind {
    const char *name;
    uint32_t every;
    uint32_t threads;  /* 0: an interval's look; else one between two, by so many */
    uint32_t group;    /* READER_GROUP_ */
    uint32_t details;  /* of groups, 0 or 1 */
    uint32_t activity; /* READER_ACTIVITY_: it looks for hosts that stand out, too */
    const struct filter_instruction *program;
    uint64_t steps;
};

/* Returns how long it took, ms. */
static double look(struct bench *bench, const struct kind *kind, uint32_t activity, uint32_t round, uint64_t *matched)
{
    struct reader_view view = {.sort = READER_SORT_BPS,
                               .descending = 1,
                               .top = 200,
                               .between = kind->threads > 0,
                               .threads = kind->threads,
                               .activity = activity,
                               .group = kind->group,
                               .details = kind->details,
                               .filter = kind->program,
                               .filter_count = kind->steps};
    struct reader_result result = {0};
    double start;

    move(bench, kind->every, round);
    start = now_ms();
    if (reader_look(bench->queues.reader, &view, &result))
        exit(1);
    *matched = result.matched;
    reader_rows_free(result.row);
    reader_rows_free(result.group);
    return now_ms() - start;
}

static void time_looks(struct bench *bench, const struct kind *kind)
{
    double *took = calloc((size_t)bench->looks, sizeof *took);
    uint64_t matched = 0;

    for (int i = 0; i < bench->looks; i++) {
        if (kind->activity == READER_ACTIVITY_NAME) /* which is the second of two */
            look(bench, kind, READER_ACTIVITY_COUNT, (uint32_t)i, &matched);
        took[i] = look(bench, kind, kind->activity, (uint32_t)i, &matched);
    }
    qsort(took, (size_t)bench->looks, sizeof *took, compare);
    printf("%-40s %8llu matched  median %6.1f ms  least %6.1f ms  most %6.1f ms\n", kind->name,
           (unsigned long long)matched, took[bench->looks / 2], took[0], took[bench->looks - 1]);
    free(took);
}

/* proto udp and port 53 and src port 1024-40000 and bps > 1k */
static const struct filter_instruction five[] = {
    {.field = FILTER_PROTOCOL, .if_true = 1, .if_false = 5, .range.number = {17, 17}},
    {.field = FILTER_PORT, .end = FILTER_END_SOURCE, .if_true = 3, .if_false = 2, .range.number = {53, 53}},
    {.field = FILTER_PORT, .end = FILTER_END_DESTINATION, .if_true = 3, .if_false = 5, .range.number = {53, 53}},
    {.field = FILTER_PORT, .end = FILTER_END_SOURCE, .if_true = 4, .if_false = 5, .range.number = {1024, 40000}},
    {.field = FILTER_BITS_PER_SECOND, .if_true = 6, .if_false = 5, .range.real = {1000, 1e30}},
    {.field = FILTER_REJECT},
    {.field = FILTER_ACCEPT},
};

static const struct filter_instruction tcp[] = {
    {.field = FILTER_PROTOCOL, .if_true = 2, .if_false = 1, .range.number = {6, 6}},
    {.field = FILTER_REJECT},
    {.field = FILTER_ACCEPT},
};

/* host 10.0.0.1 */
static const struct filter_instruction host[] = {
    {.field = FILTER_ADDRESS_V4,
     .end = FILTER_END_SOURCE,
     .if_true = 3,
     .if_false = 1,
     .range.address = {{10, 0, 0, 1}, {255, 255, 255, 255}}},
    {.field = FILTER_ADDRESS_V4,
     .end = FILTER_END_DESTINATION,
     .if_true = 3,
     .if_false = 2,
     .range.address = {{10, 0, 0, 1}, {255, 255, 255, 255}}},
    {.field = FILTER_REJECT},
    {.field = FILTER_ACCEPT},
};

/* duration > 1h: of each flow the whole record is asked */
static const struct filter_instruction lasting[] = {
    {.field = FILTER_DURATION, .if_true = 2, .if_false = 1, .range.number = {3600 * SECOND, UINT64_MAX}},
    {.field = FILTER_REJECT},
    {.field = FILTER_ACCEPT},
};

static const struct kind kinds[] = {
    {.name = "none"},
    {.name = "one flow in a hundred", .every = 100},
    {.name = "one flow in five", .every = 5},
    {.name = "all, one each", .every = 1},
    {.name = "none, hosts, first look", .activity = READER_ACTIVITY_COUNT},
    {.name = "none, hosts, second look", .activity = READER_ACTIVITY_NAME},
    {.name = "one in five, hosts, first look", .every = 5, .activity = READER_ACTIVITY_COUNT},
    {.name = "one in five, hosts, second look", .every = 5, .activity = READER_ACTIVITY_NAME},
    {.name = "all, hosts, first look", .every = 1, .activity = READER_ACTIVITY_COUNT},
    {.name = "all, hosts, second look", .every = 1, .activity = READER_ACTIVITY_NAME},
    {.name = "one in five, by host", .every = 5, .group = READER_GROUP_HOST},
    {.name = "one in five, by pair", .every = 5, .group = READER_GROUP_PAIR},
    {.name = "one in five, by port", .every = 5, .group = READER_GROUP_PORT},
    {.name = "one in five, by host, with details", .every = 5, .group = READER_GROUP_HOST, .details = 1},
    {.name = "one in five, by pair, with details", .every = 5, .group = READER_GROUP_PAIR, .details = 1},
    {.name = "one in five, by port, with details", .every = 5, .group = READER_GROUP_PORT, .details = 1},
    {.name = "none, five tests", .program = five, .steps = 7},
    {.name = "one in five, five tests", .every = 5, .program = five, .steps = 7},
    {.name = "one in five, proto tcp (nothing matches)", .every = 5, .program = tcp, .steps = 3},
    {.name = "one in five, host", .every = 5, .program = host, .steps = 4},
    {.name = "one in five, duration > 1h", .every = 5, .program = lasting, .steps = 3},
    {.name = "none, proto tcp (nothing matches)", .program = tcp, .steps = 3},
    {.name = "between: five tests", .threads = 1, .program = five, .steps = 7},
    {.name = "between: host", .threads = 1, .program = host, .steps = 4},
    {.name = "between: proto tcp", .threads = 1, .program = tcp, .steps = 3},
    {.name = "between: duration > 1h", .threads = 1, .program = lasting, .steps = 3},
    {.name = "between, two threads: five tests", .threads = 2, .program = five, .steps = 7},
    {.name = "between, two threads: host", .threads = 2, .program = host, .steps = 4},
    {.name = "between, two threads: proto tcp", .threads = 2, .program = tcp, .steps = 3},
    {.name = "between, two threads: duration", .threads = 2, .program = lasting, .steps = 3},
};

int main(int argc, char **argv)
{
    uint32_t queues = argc > 3 ? (uint32_t)atoi(argv[3]) : 1;
    struct bench bench = {.flows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000,
                          .directions = argc > 4 ? (uint32_t)atoi(argv[4]) : 1,
                          .looks = argc > 2 ? atoi(argv[2]) : 21};
    if (queues < 1 || queues > QUEUES_MOST || bench.directions < 1 || bench.directions > 2)
        return 2;
    queues_open(&bench.queues, queues, bench.flows * bench.directions, 64);
    fill(&bench);
    printf("%u flows in %u queues, %s; packets between two looks for\n", bench.flows, queues, collapse(&bench.queues));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (argc <= 5 || strstr(kinds[i].name, argv[5]))
            time_looks(&bench, &kinds[i]);
    queues_close(&bench.queues);
    return 0;
}
