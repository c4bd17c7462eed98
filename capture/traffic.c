/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xtop-traffic: real frames out of an interface, for the demo and for tests.
 *
 *   exact  counts to the frame: --frames of --flows flows in turn, as fast as it goes or at --rate
 *   demo   a lively mix at about --rate, until stopped
 *
 * It ends with its parent. PR_SET_PDEATHSIG alone would not do: that signal comes when the *thread* that started the
 * process ends, and the screen starts it from a thread. So the signal only wakes it, and the parent's pid decides;
 * and a pipe or socket as standard input ends it when it is closed.
 */
#include "capture/traffic.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRAFFIC_RUN_FRAMES (1u << 20) /* frames between two looks at the outside, half a second */
#define TRAFFIC_TICK_MS 1             /* of a rate that is kept: between two runs this CPU is another's */
#define TRAFFIC_DEMO_RATE 300000

static volatile sig_atomic_t signalled;
static pid_t parent;
static bool watch_input; /* standard input is something that can be closed by another process */

static void on_signal(int number)
{
    if (number != SIGUSR1)
        signalled = 1;
}

static void prepare_to_stop(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct stat input;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    watch_input = fstat(STDIN_FILENO, &input) == 0 && (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode));
}

bool traffic_stopped(int wait_ms)
{
    struct pollfd input = {.fd = watch_input ? STDIN_FILENO : -1, .events = POLLIN};
    char ignored[64];

    if (!signalled && poll(&input, 1, wait_ms) > 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
        signalled = 1;
    return signalled || getppid() != parent;
}

double traffic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void traffic_print(uint64_t sent, double seconds)
{
    printf("{\"sent\": %" PRIu64 ", \"seconds\": %.6f, \"mpps\": %.4f}\n", sent, seconds,
           seconds > 0 ? (double)sent / seconds / 1e6 : 0.0);
}

int traffic_pin(int cpu, struct failure *failure)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        return failure_set(failure, EXIT_USAGE, "cannot send from CPU %d (%s; see --cpu)", cpu, strerror(errno));
    return 0;
}

/* Frames to send now so that the rate is kept, at most TRAFFIC_RUN_FRAMES. */
static uint32_t frames_due(const struct traffic_options *options, uint64_t sent, double elapsed)
{
    uint64_t due = options->frames - sent;

    if (options->rate) {
        double behind = (elapsed + TRAFFIC_TICK_MS / 1e3) * options->rate - (double)sent;

        if (behind < 1)
            return 0;
        if (behind < (double)due)
            due = (uint64_t)behind;
    }
    return due < TRAFFIC_RUN_FRAMES ? (uint32_t)due : TRAFFIC_RUN_FRAMES;
}

static int traffic_exact_run(struct traffic_sender *sender, const struct traffic_options *options,
                             struct failure *failure)
{
    double start = traffic_now();
    double seconds = 0;

    while (sender->state->sent < options->frames && !traffic_stopped(0)) {
        uint32_t frames = frames_due(options, sender->state->sent, seconds);

        if (frames && traffic_sender_run(sender, frames, failure) < 0)
            return -1;
        if (options->rate)
            traffic_stopped(TRAFFIC_TICK_MS);
        seconds = traffic_now() - start;
    }
    traffic_print(traffic_sender_sent(sender), seconds);
    return 0;
}

static const struct option long_options[] = {
    {"interface", required_argument, NULL, 'i'},
    {"frames", required_argument, NULL, 'f'},
    {"flows", required_argument, NULL, 'F'},
    {"size", required_argument, NULL, 's'},
    {"cpu", required_argument, NULL, 'c'},
    {"netns-fd", required_argument, NULL, 'N'},
    {"demo", no_argument, NULL, 'd'},
    {"seed", required_argument, NULL, 'S'},
    {"rate", required_argument, NULL, 'r'},
    {"duration", required_argument, NULL, 'D'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: xtop-traffic -i IF --frames N [--flows N] [--size BYTES] [--rate PPS] [--cpu N] [--netns-fd FD]\n"
    "       xtop-traffic -i IF --demo [--seed N] [--flows N] [--rate PPS] [--duration S] [--cpu N]... [--netns-fd "
    "FD]\n";

/* A whole number of at most `largest`; anything else sets *bad. */
static uint64_t read_number(const char *text, uint64_t largest, bool *bad)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || end == text || *end || strchr(text, '-') || value > largest)
        *bad = true;
    return value;
}

static void read_option(struct traffic_options *options, int letter, const char *text, bool *bad)
{
    switch (letter) {
    case 'i':
        options->interface = text;
        break;
    case 'f':
        options->frames = read_number(text, UINT64_MAX, bad);
        break;
    case 'F':
        options->flows = (uint32_t)read_number(text, 1u << 24, bad);
        break;
    case 's':
        options->size = (uint32_t)read_number(text, TRAFFIC_FRAME_MAX, bad);
        break;
    case 'c':
        if (options->cpu_count == sizeof options->cpu / sizeof options->cpu[0])
            *bad = true;
        else
            options->cpu[options->cpu_count++] = (int)read_number(text, TRAFFIC_CPUS - 1, bad);
        break;
    case 'N':
        options->netns_fd = (int)read_number(text, INT32_MAX, bad);
        break;
    case 'd':
        options->demo = true;
        break;
    case 'S':
        options->seed = read_number(text, UINT64_MAX, bad);
        break;
    case 'r':
        options->rate = (uint32_t)read_number(text, UINT32_MAX, bad);
        break;
    case 'D':
        options->duration_s = (double)read_number(text, UINT32_MAX, bad);
        break;
    default:
        *bad = true;
    }
}

/* Returns 0; 1 when --help was answered; -1 with `failure`. */
static int read_options(struct traffic_options *options, int argc, char **argv, struct failure *failure)
{
    bool bad = false;
    int letter;

    *options = (struct traffic_options){.netns_fd = -1, .size = 64, .seed = 1};
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "i:h", long_options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        read_option(options, letter, optarg, &bad);
        if (bad)
            return failure_set(failure, EXIT_USAGE, "bad option %s (see --help)", argv[optind - 1]);
    }
    if (optind < argc || !options->interface || (!options->demo && !options->frames))
        return failure_set(failure, EXIT_USAGE,
                           "what to send is not said (-i IF and --frames N or --demo; see --help)");
    if (options->size < TRAFFIC_FRAME_MIN)
        return failure_set(failure, EXIT_USAGE, "frames of %" PRIu32 " bytes are too short (--size %d to %d)",
                           options->size, TRAFFIC_FRAME_MIN, TRAFFIC_FRAME_MAX);
    if (options->demo && !options->rate)
        options->rate = TRAFFIC_DEMO_RATE;
    if (!options->demo && !options->flows)
        options->flows = 1;
    return 0;
}

static int traffic_run(const struct traffic_options *options, struct failure *failure)
{
    struct traffic_sender sender;
    int result;

    if (options->netns_fd >= 0 && setns(options->netns_fd, CLONE_NEWNET) < 0)
        return failure_set(failure, errno == EPERM ? EXIT_RIGHTS : EXIT_USAGE,
                           "cannot enter the network namespace (setns: %s; see --netns-fd)", strerror(errno));
    if (!options->demo && options->cpu_count && traffic_pin(options->cpu[0], failure) < 0)
        return -1;
    result = options->demo
                 ? traffic_sender_open_replay(&sender, options->interface, failure)
                 : traffic_sender_open_exact(&sender, options->interface, options->flows, options->size, failure);
    if (result < 0)
        return -1;
    result = options->demo ? traffic_demo_run(&sender, options, failure) : traffic_exact_run(&sender, options, failure);
    traffic_sender_close(&sender);
    return result;
}

int main(int argc, char **argv)
{
    struct traffic_options options;
    struct failure failure;
    int result = read_options(&options, argc, argv, &failure);

    if (result > 0)
        return EXIT_DONE;
    if (result == 0) {
        prepare_to_stop();
        result = traffic_run(&options, &failure);
    }
    if (result == 0)
        return EXIT_DONE;
    fprintf(stderr, "xtop: error: %s\n", failure.text);
    return (int)failure.exit_code;
}
