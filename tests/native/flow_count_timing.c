/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs the program that counts flows in the kernel: each of some frames goes through it over and over by
 * BPF_PROG_TEST_RUN, and the kernel says how long a run took. Not a test; needs root.
 *   flow_count_timing [ROUNDS]
 * Prints, for each frame, the least and the median of the rounds, ns. One flow: its entry is in the cache.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow_counter.h"

#define REPEAT 200000
#define ROUNDS_MOST 101
#define FRAME_ROOM 2048

static const struct {
    const char *name;
    const char *headers; /* in hex; zeros follow */
    uint32_t size;
} cases[] = {
    {"ARP, not parsed", "02000000000202000000000108060001", 60},
    {"UDP over IPv4", "0200000000020200000000010800 4500002e00004000401100000a0000010b000002 03e80035001a0000", 60},
    {"TCP over IPv4, no options",
     "0200000000020200000000010800 4500002800004000400600000a0000010b000002 03e801bb 00000001 00000001 50100400 "
     "00000000",
     60},
    {"TCP over IPv4, timestamps, 1,514 bytes",
     "0200000000020200000000010800 450005dc00004000400600000a0000010b000002 03e801bb 00000001 00000001 80100400 "
     "00000000"
     "0101080a0000000100000002",
     1514},
    {"TCP over IPv6, timestamps",
     "02000000000202000000000186dd 6000000000200640 20010db8000000000000000000000001 20010db8000000000000000000000002"
     "03e801bb 00000001 00000001 80100400 00000000 0101080a0000000100000002",
     86},
};

static void decode(const char *hex, uint8_t *bytes)
{
    memset(bytes, 0, FRAME_ROOM);
    for (; *hex; hex++) {
        unsigned int byte;

        if (*hex == ' ' || sscanf(hex, "%2x", &byte) != 1)
            continue;
        *bytes++ = (uint8_t)byte;
        hex++;
    }
}

static int number_compare(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* ns a run as the kernel measured it; 0 = it did not run. */
static uint32_t measure(int program_fd, const uint8_t *frame, uint32_t size)
{
    DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size, .repeat = REPEAT);

    return bpf_prog_test_run_opts(program_fd, &options) == 0 ? options.duration : 0;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 11;
    uint32_t took[sizeof cases / sizeof cases[0]][ROUNDS_MOST];
    struct flow_counter counter;

    if (rounds < 1 || rounds > ROUNDS_MOST)
        return 2;
    if (flow_counter_load(&counter, 14, 16384, (struct sampling){.interval = 1}) < 0) {
        fprintf(stderr, "flow_count_timing: the program does not load (root is needed)\n");
        return 3;
    }
    for (uint32_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            uint8_t frame[FRAME_ROOM];

            decode(cases[i].headers, frame);
            took[i][round] = measure(flow_counter_in_fd(&counter), frame, cases[i].size);
        }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qsort(took[i], rounds, sizeof took[i][0], number_compare);
        printf("%-40s least %3u, median %3u ns\n", cases[i].name, took[i][0], took[i][rounds / 2]);
    }
    flow_counter_unload(&counter);
    return 0;
}
