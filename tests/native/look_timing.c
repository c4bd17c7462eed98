/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long one look takes at a table of live flows, without a filter and with some. Not a test: absolute times belong
 * to a machine.   look_timing [FLOWS [LOOKS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/reader.h"
#include "table_fixture.h"

#define STEPS 6

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

static void time_looks(struct reader *reader, const char *name, const struct filter_instruction *program,
                       uint64_t count, int looks)
{
    struct reader_view view = {
        .sort = READER_SORT_BPS, .descending = 1, .top = 200, .filter = program, .filter_count = count};
    struct reader_result result = {0};
    double *took = calloc((size_t)looks, sizeof *took);

    for (int i = 0; i < looks; i++) {
        double start = now_ms();

        if (reader_look(reader, &view, &result))
            exit(1);
        took[i] = now_ms() - start;
        reader_rows_free(result.row);
    }
    qsort(took, (size_t)looks, sizeof *took, compare);
    printf("%-34s %8llu matched  median %6.1f ms  least %6.1f ms  most %6.1f ms\n", name,
           (unsigned long long)result.matched, took[looks / 2], took[0], took[looks - 1]);
    free(took);
}

int main(int argc, char **argv)
{
    uint32_t flows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    int looks = argc > 2 ? atoi(argv[2]) : 21;
    /* proto udp and port 53 and src port 1024-40000 and bps > 1k */
    struct filter_instruction program[STEPS + 1] = {
        {.field = FILTER_PROTOCOL, .if_true = 1, .if_false = 5, .range.number = {17, 17}},
        {.field = FILTER_PORT, .end = FILTER_END_SOURCE, .if_true = 3, .if_false = 2, .range.number = {53, 53}},
        {.field = FILTER_PORT, .end = FILTER_END_DESTINATION, .if_true = 3, .if_false = 5, .range.number = {53, 53}},
        {.field = FILTER_PORT, .end = FILTER_END_SOURCE, .if_true = 4, .if_false = 5, .range.number = {1024, 40000}},
        {.field = FILTER_BITS_PER_SECOND, .if_true = 6, .if_false = 5, .range.real = {1000, 1e30}},
        {.field = FILTER_REJECT},
        {.field = FILTER_ACCEPT},
    };
    struct table_fixture fixture;
    struct reader *reader;
    char error[256];

    fixture_open(&fixture, flows, 64);
    for (uint32_t i = 0; i < flows; i++) {
        struct packet packet = fixture_packet(i, 0);

        fixture_feed(&fixture, &packet, START + i);
    }
    reader = reader_open(fixture.segment.fd, error, sizeof error);
    if (!reader)
        return 1;
    printf("%u flows\n", flows);
    time_looks(reader, "no filter", NULL, 0, looks);
    time_looks(reader, "five tests", program, STEPS + 1, looks);
    program[0].range.number[0] = program[0].range.number[1] = 6;
    time_looks(reader, "proto tcp (nothing matches)", program, STEPS + 1, looks);
    reader_close(reader);
    fixture_close(&fixture);
    return 0;
}
