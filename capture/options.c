/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "capture/option_values.h"

#ifndef XTOP_VERSION
#define XTOP_VERSION "unknown" /* the build defines it */
#endif

/* Options without a letter of their own. */
enum {
    OPTION_BUSY_POLL = 256,
    OPTION_KEEP_HOST,
    OPTION_NO_KEEP_HOST,
    OPTION_CAPTURE,
    OPTION_REASON,
    OPTION_FILTER,
    OPTION_KERNEL_FLOWS,
    OPTION_CLSACT,
    OPTION_CPUS,
    OPTION_RING,
    OPTION_DRAIN,
    OPTION_NETNS_FD,
    OPTION_FILE_FD,
    OPTION_FILE_NAME,
    OPTION_REALTIME,
    OPTION_DEMO,
    OPTION_SEED,
    OPTION_DEMO_FLOWS,
    OPTION_DEMO_HEAD,
    OPTION_DEMO_PACKETS,
    OPTION_DEMO_RATE,
    OPTION_MAX_FLOWS,
    OPTION_IDLE_TIMEOUT,
    OPTION_ACTIVE_TIMEOUT,
    OPTION_DECAP,
    OPTION_DEDUP,
    OPTION_BYTE_HISTOGRAM,
    OPTION_SAMPLE,
    OPTION_SAMPLE_RANDOM,
    OPTION_NO_DECAP,
    OPTION_HASH_SEED,
    OPTION_LOSSLESS_ENDED,
    OPTION_CONTROL_FD,
    OPTION_LISTEN,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    {"interface", required_argument, NULL, 'i'},
    {"capture", required_argument, NULL, OPTION_CAPTURE},
    {"reason", required_argument, NULL, OPTION_REASON},
    {"filter", required_argument, NULL, OPTION_FILTER},
    {"kernel-flows", required_argument, NULL, OPTION_KERNEL_FLOWS},
    {"clsact", no_argument, NULL, OPTION_CLSACT},
    {"queue", required_argument, NULL, 'q'},
    {"threads", required_argument, NULL, 't'},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"xdp-skb", no_argument, NULL, 'S'},
    {"xdp-native", no_argument, NULL, 'N'},
    {"zero-copy", no_argument, NULL, 'z'},
    {"copy", no_argument, NULL, 'c'},
    {"poll", no_argument, NULL, 'p'},
    {"busy-poll", no_argument, NULL, OPTION_BUSY_POLL},
    {"keep-host", no_argument, NULL, OPTION_KEEP_HOST},
    {"no-keep-host", no_argument, NULL, OPTION_NO_KEEP_HOST},
    {"ring", required_argument, NULL, OPTION_RING},
    {"drain", no_argument, NULL, OPTION_DRAIN},
    {"netns-fd", required_argument, NULL, OPTION_NETNS_FD},
    {"file-fd", required_argument, NULL, OPTION_FILE_FD},
    {"file-name", required_argument, NULL, OPTION_FILE_NAME},
    {"realtime", no_argument, NULL, OPTION_REALTIME},
    {"demo", no_argument, NULL, OPTION_DEMO},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"demo-flows", required_argument, NULL, OPTION_DEMO_FLOWS},
    {"demo-head", required_argument, NULL, OPTION_DEMO_HEAD},
    {"demo-packets", required_argument, NULL, OPTION_DEMO_PACKETS},
    {"demo-rate", required_argument, NULL, OPTION_DEMO_RATE},
    {"max-flows", required_argument, NULL, OPTION_MAX_FLOWS},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    {"active-timeout", required_argument, NULL, OPTION_ACTIVE_TIMEOUT},
    {"dedup", required_argument, NULL, OPTION_DEDUP},
    {"byte-histogram", no_argument, NULL, OPTION_BYTE_HISTOGRAM},
    {"sample", required_argument, NULL, OPTION_SAMPLE},
    {"sample-random", required_argument, NULL, OPTION_SAMPLE_RANDOM},
    {"decap", no_argument, NULL, OPTION_DECAP},
    {"no-decap", no_argument, NULL, OPTION_NO_DECAP},
    {"hash-seed", required_argument, NULL, OPTION_HASH_SEED},
    {"lossless-ended", no_argument, NULL, OPTION_LOSSLESS_ENDED},
    {"control-fd", required_argument, NULL, OPTION_CONTROL_FD},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "usage: xtop-capture (-i IF | --file-fd N | --demo) [options]\n"
    "\n"
    "The capture process of xtop: it fills the flow table and hands it out; xtop starts it and shows what it sees.\n"
    "\n"
    "  -i, --interface IF     capture on interface IF; may repeat\n"
    "      --capture HOW      af_xdp, ebpf or af_packet (af_xdp); --reason TEXT says why; of the -i before and those "
    "after\n"
    "      --filter EXPR      capture filter, pcap syntax\n"
    "  -q, --queue LIST       RX queues, 0-3,6 (all)\n"
    "  -t, --threads N        capture threads (one a queue)\n"
    "      --cpus LIST        CPUs to pin them to\n"
    "  -S, --xdp-skb          generic XDP        -N, --xdp-native  driver XDP   (the best that attaches)\n"
    "  -z, --zero-copy        zero copy          -c, --copy        copy         (the best that binds)\n"
    "  -p, --poll             block in poll(2)   --busy-poll       preferred busy polling   (poll)\n"
    "      --keep-host        frames that the host needs pass on to it   --no-keep-host   (keep)\n"
    "      --ring N           descriptors of the RX and of the fill ring, a power of two (16384, where memory allows)\n"
    "      --drain            recycle frames without looking at them, for measurements\n"
    "      --netns-fd N       enter this network namespace first\n"
    "      --file-fd N        read a pcap or pcapng file; --file-name NAME for messages, --realtime for its own pace\n"
    "      --demo             generate frames: --seed N, --demo-flows N, --demo-packets N, --demo-rate PPS\n"
    "                         --demo-head N: that many before the rate holds, at once\n"
    "      --max-flows N      flow cache size, all queues together (1048576)\n"
    "      --idle-timeout S   (30)   --active-timeout S   (300)\n"
    "      --decap, --no-decap  key flows on the innermost IP header of tunnels, or on the outermost (decap)\n"
    "      --dedup S          drop a frame that comes again, byte for byte, within S seconds (off)\n"
    "      --byte-histogram   count payload bytes by value (off)\n"
    "      --sample N         look at one packet in N, by count   --sample-random N   by chance (all)\n"
    "      --hash-seed N      a fixed seed instead of a random one, for tests\n"
    "      --lossless-ended   wait for the owner's cursor before an ended flow is overwritten (files)\n"
    "      --control-fd N     SOCK_SEQPACKET socket of the owner   --listen NAME   viewers are let in, too\n"
    "      --help, --version\n";

void options_default(struct options *options)
{
    *options = (struct options){
        .here = {.reason = ""},
        .netns_fd = -1,
        .ring_size = OPTIONS_DEFAULT_RING,
        .file_fd = -1,
        .file_name = "-",
        .demo_seed = 1,
        .demo_flows = 4000,
        .demo_rate = 50000,
        .max_flows = OPTIONS_DEFAULT_MAX_FLOWS,
        .idle_timeout = UINT64_C(30) * 1000000000,
        .active_timeout = UINT64_C(300) * 1000000000,
        .sampling = {.interval = 1},
        .decap = true,
        .control_fd = -1,
    };
}

static int parse_queues(const char *text, struct options *options, struct failure *failure)
{
    int list[XTOP_MAX_QUEUES] = {0};
    int count = option_list(text, 65535, list, XTOP_MAX_QUEUES, "--queue", failure);

    if (count < 0)
        return -1;
    for (int i = 0; i < count; i++)
        options->queue[i] = (uint16_t)list[i];
    options->queue_count = (uint32_t)count;
    return 0;
}

static int parse_ring(const char *text, struct options *options, struct failure *failure)
{
    if (option_u32(text, 64, 1 << 20, &options->ring_size, "--ring", failure) < 0)
        return -1;
    if (options->ring_size & (options->ring_size - 1))
        return failure_set(failure, EXIT_USAGE, "bad --ring %s (a power of two is needed)", text);
    options->ring_size_given = true;
    return 0;
}

static int parse_cpus(const char *text, struct options *options, struct failure *failure)
{
    int count = option_list(text, 4095, options->cpu, XTOP_MAX_QUEUES, "--cpus", failure);

    if (count < 0)
        return -1;
    options->cpu_count = (uint32_t)count;
    return 0;
}

static int set_xdp(struct options *options, enum options_xdp xdp, struct failure *failure)
{
    if (options->xdp != OPTIONS_XDP_BEST && options->xdp != xdp)
        return failure_set(failure, EXIT_USAGE, "-S and -N contradict each other (choose one)");
    options->xdp = xdp;
    return 0;
}

static int set_copy(struct options *options, enum options_copy copy, struct failure *failure)
{
    if (options->copy != OPTIONS_COPY_BEST && options->copy != copy)
        return failure_set(failure, EXIT_USAGE, "-z and -c contradict each other (choose one)");
    options->copy = copy;
    return 0;
}

static int set_source(struct options *options, uint32_t kind, struct failure *failure)
{
    if (options->source_kind && options->source_kind != kind)
        return failure_set(failure, EXIT_USAGE, "more than one source (choose one of -i, --file-fd, --demo)");
    options->source_kind = kind;
    return 0;
}

static int add_interface(struct options *options, const char *name, struct failure *failure)
{
    if (options->link_count == XTOP_MAX_LINKS)
        return failure_set(failure, EXIT_USAGE, "too many interfaces (%d are possible)", XTOP_MAX_LINKS);
    options->link[options->link_count] = options->here;
    options->link[options->link_count++].interface = name;
    return set_source(options, XTOP_SOURCE_INTERFACE, failure);
}

/* What was said holds for the interface that was named last, and for those to come. */
static void settle_capture(struct options *options)
{
    struct options_link *last = options->link_count ? &options->link[options->link_count - 1] : NULL;

    if (last)
        *last = (struct options_link){last->interface, options->here.capture, options->here.reason};
}

static int parse_capture(const char *text, struct options *options, struct failure *failure)
{
    static const char *const name[] = {
        [OPTIONS_CAPTURE_AF_XDP] = "af_xdp",
        [OPTIONS_CAPTURE_EBPF] = "ebpf",
        [OPTIONS_CAPTURE_AF_PACKET] = "af_packet",
    };

    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        if (strcmp(text, name[i]) == 0) {
            options->here.capture = (enum options_capture)i;
            settle_capture(options);
            return 0;
        }
    return failure_set(failure, EXIT_USAGE, "bad --capture %s (af_xdp, ebpf or af_packet is needed)", text);
}

/* Which interface, and how. */
static int parse_interface_option(struct options *options, int letter, const char *value, struct failure *failure)
{
    switch (letter) {
    case 'i':
        return add_interface(options, value, failure);
    case OPTION_CAPTURE:
        return parse_capture(value, options, failure);
    case OPTION_REASON:
        options->here.reason = value;
        settle_capture(options);
        return 0;
    case OPTION_FILTER:
        options->filter = value;
        return 0;
    case OPTION_KEEP_HOST:
        options->no_keep_host = false;
        return 0;
    case OPTION_NO_KEEP_HOST:
        options->no_keep_host = true;
        return 0;
    case OPTION_NETNS_FD:
        return option_fd(value, &options->netns_fd, "--netns-fd", failure);
    default:
        return 1;
    }
}

static int parse_link_option(struct options *options, int letter, const char *value, struct failure *failure)
{
    switch (letter) {
    case 'q':
        return parse_queues(value, options, failure);
    case 't':
        return option_u32(value, 1, XTOP_MAX_QUEUES, &options->threads, "--threads", failure);
    case OPTION_CPUS:
        return parse_cpus(value, options, failure);
    case 'S':
        return set_xdp(options, OPTIONS_XDP_GENERIC, failure);
    case 'N':
        return set_xdp(options, OPTIONS_XDP_NATIVE, failure);
    case 'z':
        return set_copy(options, OPTIONS_COPY_ZERO, failure);
    case 'c':
        return set_copy(options, OPTIONS_COPY_COPY, failure);
    case 'p':
        options->busy_poll = false;
        return 0;
    case OPTION_BUSY_POLL:
        options->busy_poll = true;
        return 0;
    case OPTION_RING:
        return parse_ring(value, options, failure);
    case OPTION_KERNEL_FLOWS:
        return option_u32(value, 1, 1 << 24, &options->kernel_flows, "--kernel-flows", failure);
    case OPTION_CLSACT:
        options->clsact = true;
        return 0;
    case OPTION_DRAIN:
        options->drain = true;
        return 0;
    default:
        return 1;
    }
}

static int parse_stored_option(struct options *options, int letter, const char *value, struct failure *failure)
{
    switch (letter) {
    case OPTION_FILE_FD:
        if (set_source(options, XTOP_SOURCE_FILE, failure) < 0)
            return -1;
        return option_fd(value, &options->file_fd, "--file-fd", failure);
    case OPTION_FILE_NAME:
        options->file_name = value;
        return 0;
    case OPTION_REALTIME:
        options->realtime = true;
        return 0;
    case OPTION_DEMO:
        return set_source(options, XTOP_SOURCE_DEMO, failure);
    case OPTION_SEED:
        return option_number(value, 0, UINT64_MAX, &options->demo_seed, "--seed", failure);
    case OPTION_DEMO_FLOWS:
        return option_u32(value, 1, 1 << 24, &options->demo_flows, "--demo-flows", failure);
    case OPTION_DEMO_HEAD:
        return option_number(value, 0, UINT64_MAX, &options->demo_head, "--demo-head", failure);
    case OPTION_DEMO_PACKETS:
        return option_number(value, 0, UINT64_MAX, &options->demo_packets, "--demo-packets", failure);
    case OPTION_DEMO_RATE:
        return option_u32(value, 0, UINT32_MAX, &options->demo_rate, "--demo-rate", failure);
    default:
        return 1;
    }
}

static int parse_sampling(struct options *options, const char *text, bool random, struct failure *failure)
{
    if (options->sampling.interval > 1 && options->sampling.random != random)
        return failure_set(failure, EXIT_USAGE, "--sample and --sample-random contradict each other (choose one)");
    options->sampling.random = random;
    return option_u32(text, 1, OPTIONS_SAMPLING_MOST, &options->sampling.interval,
                      random ? "--sample-random" : "--sample", failure);
}

static int parse_table_option(struct options *options, int letter, const char *value, struct failure *failure)
{
    switch (letter) {
    case OPTION_MAX_FLOWS:
        return option_u32(value, 1, 1 << 27, &options->max_flows, "--max-flows", failure);
    case OPTION_IDLE_TIMEOUT:
        return option_seconds(value, &options->idle_timeout, "--idle-timeout", failure);
    case OPTION_ACTIVE_TIMEOUT:
        return option_seconds(value, &options->active_timeout, "--active-timeout", failure);
    case OPTION_DEDUP:
        return option_seconds(value, &options->dedup_window, "--dedup", failure);
    case OPTION_SAMPLE:
    case OPTION_SAMPLE_RANDOM:
        return parse_sampling(options, value, letter == OPTION_SAMPLE_RANDOM, failure);
    case OPTION_BYTE_HISTOGRAM:
        options->byte_histogram = true;
        return 0;
    case OPTION_DECAP:
    case OPTION_NO_DECAP:
        options->decap = letter == OPTION_DECAP;
        return 0;
    case OPTION_HASH_SEED:
        options->hash_seed_given = true;
        return option_u32(value, 0, UINT32_MAX, &options->hash_seed, "--hash-seed", failure);
    case OPTION_LOSSLESS_ENDED:
        options->lossless_ended = true;
        return 0;
    case OPTION_CONTROL_FD:
        return option_fd(value, &options->control_fd, "--control-fd", failure);
    case OPTION_LISTEN:
        options->listen_name = value;
        return 0;
    default:
        return 1;
    }
}

static int parse_option(struct options *options, int letter, const char *value, struct failure *failure)
{
    static int (*const group[])(struct options *, int, const char *, struct failure *) = {
        parse_interface_option, parse_link_option, parse_stored_option, parse_table_option};

    for (size_t i = 0; i < sizeof group / sizeof group[0]; i++) {
        int result = group[i](options, letter, value, failure);

        if (result <= 0)
            return result;
    }
    return failure_set(failure, EXIT_USAGE, "unknown option (see xtop-capture --help)");
}

int options_parse(struct options *options, int argc, char **argv, struct failure *failure)
{
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":i:q:t:SNzcp", long_options, NULL)) != -1) {
        if (letter == OPTION_HELP) {
            fputs(help_text, stdout);
            return 1;
        }
        if (letter == OPTION_VERSION) {
            puts("xtop-capture " XTOP_VERSION);
            return 1;
        }
        if (letter == ':')
            return failure_set(failure, EXIT_USAGE, "%s needs a value (see xtop-capture --help)", argv[optind - 1]);
        if (letter == '?')
            return failure_set(failure, EXIT_USAGE, "unknown option %s (see xtop-capture --help)", argv[optind - 1]);
        if (parse_option(options, letter, optarg, failure) < 0)
            return -1;
    }
    if (optind < argc)
        return failure_set(failure, EXIT_USAGE, "unexpected argument %s (see xtop-capture --help)", argv[optind]);
    if (!options->source_kind)
        return failure_set(failure, EXIT_USAGE, "nothing to capture (one of -i, --file-fd, --demo is needed)");
    return 0;
}
