/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xtop-bench: how long the flow path takes a packet on this machine, without a link.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/bench.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/bench_frames.h"
#include "capture/bench_run.h"
#include "capture/failure.h"

static const char help_text[] =
    "usage: xtop bench [OPTIONS]\n"
    "\n"
    "Measures the flow path without a link: frames in memory go through the code that live capture uses.\n"
    "\n"
    "  --pcap FILE          the frames of a capture file\n"
    "  --flows N            frames of its own over N flows (1000000)\n"
    "  --packets N          how many (5000000)\n"
    "  --size B             bytes of a frame, 60 to 9216 (64)\n"
    "  --zipf S             flows by Zipf's law of exponent S (0: all alike)\n"
    "  --new-flow-ratio R   share of packets that open a flow never seen, 0 to 1 (0)\n"
    "  --ipv6               flows of IPv6; frames of 62 bytes at least\n"
    "  --repeat N           times to run; the median is told (3)\n"
    "  --cpu N              CPU to run on (the one it is on)\n"
    "  --byte-histogram     also what counting payload bytes by value adds to a packet\n"
    "  --json               one JSON object\n"
    "  -h, --help           this text\n";

enum {
    OPTION_PCAP = 256,
    OPTION_FLOWS,
    OPTION_PACKETS,
    OPTION_SIZE,
    OPTION_ZIPF,
    OPTION_RATIO,
    OPTION_IPV6,
    OPTION_REPEAT,
    OPTION_CPU,
    OPTION_BYTE_HISTOGRAM,
    OPTION_JSON,
};

static const struct option long_options[] = {
    {"pcap", required_argument, NULL, OPTION_PCAP},
    {"flows", required_argument, NULL, OPTION_FLOWS},
    {"packets", required_argument, NULL, OPTION_PACKETS},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"zipf", required_argument, NULL, OPTION_ZIPF},
    {"new-flow-ratio", required_argument, NULL, OPTION_RATIO},
    {"ipv6", no_argument, NULL, OPTION_IPV6},
    {"repeat", required_argument, NULL, OPTION_REPEAT},
    {"cpu", required_argument, NULL, OPTION_CPU},
    {"byte-histogram", no_argument, NULL, OPTION_BYTE_HISTOGRAM},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int parse_count(const char *text, uint32_t least, uint32_t most, uint32_t *value, const char *name,
                       struct failure *failure)
{
    char *end;
    unsigned long long number;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || number < least || number > most)
        return failure_set(failure, EXIT_USAGE, "bad %s %s (a number from %u to %u is needed)", name, text, least,
                           most);
    *value = (uint32_t)number;
    return 0;
}

static int parse_share(const char *text, double most, double *value, const char *name, struct failure *failure)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || *end || !(*value >= 0 && *value <= most))
        return failure_set(failure, EXIT_USAGE, "bad %s %s (a number from 0 to %g is needed)", name, text, most);
    return 0;
}

static int parse_option(struct bench_options *options, int option, const char *value, struct failure *failure)
{
    uint32_t cpu = 0;

    switch (option) {
    case OPTION_PCAP:
        options->pcap = value;
        return 0;
    case OPTION_FLOWS:
        return parse_count(value, 1, 1 << 26, &options->flows, "--flows", failure);
    case OPTION_PACKETS:
        return parse_count(value, 1, 1 << 26, &options->packets, "--packets", failure);
    case OPTION_SIZE:
        return parse_count(value, BENCH_FRAME_MIN, 9216, &options->size, "--size", failure);
    case OPTION_ZIPF:
        return parse_share(value, 10, &options->zipf, "--zipf", failure);
    case OPTION_RATIO:
        return parse_share(value, 1, &options->new_flow_ratio, "--new-flow-ratio", failure);
    case OPTION_IPV6:
        options->ipv6 = true;
        return 0;
    case OPTION_REPEAT:
        return parse_count(value, 1, BENCH_REPEAT_MAX, &options->repeat, "--repeat", failure);
    case OPTION_CPU:
        if (parse_count(value, 0, CPU_SETSIZE - 1, &cpu, "--cpu", failure) < 0)
            return -1;
        options->cpu = (int)cpu;
        return 0;
    case OPTION_BYTE_HISTOGRAM:
        options->byte_histogram = true;
        return 0;
    default:
        options->json = true;
        return 0;
    }
}

/* Returns 0, 1 when --help was answered, or -1 with `failure`. */
static int parse_options(struct bench_options *options, int argc, char **argv, struct failure *failure)
{
    bool own_frames = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help_text, stdout);
            return 1;
        }
        if (option == ':' || option == '?')
            return failure_set(failure, EXIT_USAGE, "%s %s (see xtop bench --help)", argv[optind - 1],
                               option == ':' ? "needs a value" : "is no option of bench");
        if (parse_option(options, option, optarg, failure) < 0)
            return -1;
        own_frames |= option >= OPTION_FLOWS && option <= OPTION_IPV6;
    }
    if (optind < argc)
        return failure_set(failure, EXIT_USAGE, "unexpected argument %s (see xtop bench --help)", argv[optind]);
    if (options->pcap && own_frames)
        return failure_set(failure, EXIT_USAGE,
                           "--pcap brings its own frames (leave --flows, --packets, --size, "
                           "--zipf, --new-flow-ratio and --ipv6 out)");
    if (options->ipv6 && options->size < BENCH_FRAME_MIN_IPV6)
        return failure_set(failure, EXIT_USAGE, "bad --size %u (frames of IPv6 have %u bytes at least)", options->size,
                           BENCH_FRAME_MIN_IPV6);
    return 0;
}

static int pin(int cpu, struct failure *failure)
{
    cpu_set_t cpus;

    if (cpu < 0)
        cpu = sched_getcpu();
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
        return failure_set(failure, EXIT_USAGE, "cannot run on CPU %d (%s; choose another --cpu)", cpu,
                           strerror(errno));
    return 0;
}

/* The model's name as the kernel tells it, fit to stand in JSON. */
static void cpu_model(char *model, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];

    snprintf(model, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *name = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !name)
            continue;
        name += 1 + strspn(name + 1, " ");
        name[strcspn(name, "\n\"\\")] = '\0';
        snprintf(model, size, "%s", name);
        break;
    }
    if (file)
        fclose(file);
}

static void print_json(const struct bench_result *result, const char *model)
{
    printf("{\"mpps\": %.4f, \"ns_per_packet\": %.2f, ", 1000 / result->ns_per_packet, result->ns_per_packet);
    printf("\"stages\": {\"parse\": %.2f, \"hash\": %.2f, \"lookup\": %.2f, \"update\": %.2f}, ", result->stage[0],
           result->stage[1], result->stage[2], result->stage[3]);
    printf("\"flows\": %u, \"bytes_per_flow\": %.2f, \"floor_ns_per_packet\": %.2f, \"cpu\": \"%s\", ", result->flows,
           result->bytes_per_flow, result->floor_ns, model);
    if (result->byte_histogram_ns)
        printf("\"byte_histogram_ns_per_packet\": %.2f, ", result->byte_histogram_ns);
    printf("\"packets\": %u, \"repeat\": %u, \"size\": %u, \"instructions\": \"%s\"}\n", result->packets,
           result->repeat, result->size, result->level);
}

static void print_table(const struct bench_result *result, const char *model)
{
    static const char *const stage[BENCH_STAGES] = {"parse", "hash", "lookup", "update"};

    printf("%u packets of %u bytes, %u flows, %s\n\n", result->packets, result->size, result->flows, model);
    printf("%-16s %8.2f Mpps\n", "packets", 1000 / result->ns_per_packet);
    printf("%-16s %8.2f ns  (median of %u)\n", "a packet", result->ns_per_packet, result->repeat);
    for (int i = 0; i < BENCH_STAGES; i++)
        printf("  %-14s %8.2f ns\n", stage[i], result->stage[i]);
    printf("%-16s %8.2f ns  (two random cache lines a packet, nothing else)\n", "memory's floor", result->floor_ns);
    if (result->byte_histogram_ns)
        printf("%-16s %8.2f ns  (added by counting payload bytes)\n", "byte histogram", result->byte_histogram_ns);
    printf("%-16s %8.2f bytes\n", "a flow", result->bytes_per_flow);
    printf("%-16s %11s\n", "instructions", result->level);
}

/* Runs and prints. */
static int measure(const struct bench_options *options, struct failure *failure)
{
    struct bench_frames frames;
    struct bench_result result;
    char model[128];
    int done;

    if (pin(options->cpu, failure) < 0)
        return -1;
    done = options->pcap ? bench_frames_read(&frames, options->pcap, failure)
                         : bench_frames_make(&frames, options, failure);
    if (done < 0)
        return -1;
    done = bench_run(&result, options, &frames, failure);
    bench_frames_free(&frames);
    if (done < 0)
        return -1;
    cpu_model(model, sizeof model);
    (options->json ? print_json : print_table)(&result, model);
    return 0;
}

static int bench(int argc, char **argv, struct failure *failure)
{
    struct bench_options options = {.flows = 1000000, .packets = 5000000, .size = 64, .repeat = 3, .cpu = -1};
    int done = parse_options(&options, argc, argv, failure);

    if (done == 0)
        done = measure(&options, failure);
    if (done < 0)
        return -1;
    /* Who closed a pipe has seen enough: xtop, which we were, ignores SIGPIPE. */
    if (fflush(stdout) != 0 && errno != EPIPE)
        return failure_set(failure, EXIT_FAILED, "cannot write the answer (%s; give it room)", strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    struct failure failure;

    if (bench(argc, argv, &failure) >= 0)
        return EXIT_DONE;
    fprintf(stderr, "xtop: error: %s\n", failure.text);
    return (int)failure.exit_code;
}
