/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source `af_packet`: libpcap live, over TPACKET_V3 rings. It sees what arrives and what leaves, takes nothing from
 * the host, and needs CAP_NET_RAW alone.
 *
 *                                    ┌─► ring 0 ─► worker 0
 *   interface ─► fanout by flow hash ┼─► ring 1 ─► worker 1       both directions of a flow have one hash, so one ring
 *                                    └─► ring n ─► worker n
 *
 * The start. A packet socket receives from the moment it is bound, and as long as it has not joined the group it
 * receives everything. So there is one moment, after the last has joined, at which the capture begins, and each ring
 * throws away what carries an earlier time stamp: each frame counts once.
 *
 * Frames are copied out of the ring: libpcap gives a block back to the kernel behind its last frame, and a burst must
 * stay readable until it is recycled. The block that the kernel is filling shows after RETIRE_MS at the latest, so
 * frames bring their own time; the clock goes on without them.
 *
 * Losses. The kernel counts the frames that found a ring full, and forgets them when asked, so they are added up here.
 * Not by pcap_stats(), which opens files of /sys each time: the sandbox lets nobody open anything. What the device or
 * the driver lost before is nic_dropped().
 *
 * Loopback. The kernel shows each frame of `lo` as sent and as received. libpcap drops the first kind, and
 * PACKET_IGNORE_OUTGOING keeps it from filling the ring.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture/driver_losses.h"
#include "capture/frame_filter.h"
#include "capture/link_stats.h"
#include "capture/link_type.h"
#include "capture/ring_frame.h"
#include "capture/sandbox.h"
#include "capture/source.h"
#include "capture/xdp_refusal.h"

#define SNAPSHOT_LENGTH 2048 /* bytes of a frame that are taken: every header chain, and all of an ordinary frame */
#define RING_LEAST 96        /* bytes of the ring that a frame takes at least: its head and an address lie before it */
#define AGE_MOST UINT64_C(5000000000) /* ns that a frame may have waited in the ring */
#define RETIRE_MS 20                  /* the kernel shows a block after this time though it is not full */
#define POLL_MS 100                   /* longest sleep of an idle worker */
#define SOCKETS_DEFAULT 4             /* at most, when -t does not say: each has a ring of its own */

/* Newer than the headers of Ubuntu 22.04 or left out of some. */
#ifndef PACKET_FANOUT_FLAG_UNIQUEID
#define PACKET_FANOUT_FLAG_UNIQUEID 0x2000
#endif
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct af_packet {
    char interface[IF_NAMESIZE];
    int netlink_fd;
    uint32_t ifindex;
    uint64_t begun_at;       /* wall clock, ns: see "The start" */
    uint64_t clock_base;     /* ns: wall clock minus monotonic clock at the start */
    uint64_t dropped_before; /* the interface's counter at the start */
    struct driver_losses driver_losses;
    uint64_t dropped; /* what nic_dropped() said last; never falls */
};

struct packet_socket {
    struct source_queue queue; /* first: the worker's handle */
    struct af_packet *capture;
    pcap_t *pcap;
    struct burst *burst; /* being filled */
    uint64_t wall;       /* ns: the wall clock when the burst was asked for */
    uint64_t now;        /* ns: the capture's own clock then */
    bool begun;          /* a frame of the capture's own time has come */
    uint64_t drops;
    uint8_t room[SOURCE_BURST][SNAPSHOT_LENGTH];
};

static uint64_t clock_read(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What must hold before anything is opened. */
static int look_at_interface(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_packet *capture = source->private;
    const char *interface = options->here.interface;
    struct link_state state;

    if (options->queue_count)
        return failure_set(failure, EXIT_USAGE, "-q chooses queues of AF_XDP (af_packet has none; leave it out)");
    capture->ifindex = link_index(capture->netlink_fd, interface);
    if (!capture->ifindex || link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return failure_set(failure, EXIT_USAGE, "no interface %s (see: ip link)", interface);
    if (!state.up)
        return failure_set(failure, EXIT_USAGE, "interface %s is down (nothing arrives; ip link set %s up)", interface,
                           interface);
    snprintf(capture->interface, sizeof capture->interface, "%s", interface);
    source->ifindex = capture->ifindex;
    link_driver(capture->netlink_fd, interface, source->driver);
    driver_losses_open(&capture->driver_losses, capture->netlink_fd, interface, source->driver);
    return 0;
}

/* As many rings as there are threads: -t, else one for each RX queue as far as there are CPUs for them. */
static uint32_t sockets_wanted(const struct af_packet *capture, const struct options *options)
{
    uint32_t count = options->threads;
    cpu_set_t allowed;

    if (count)
        return count;
    count = link_rx_queues(capture->netlink_fd, capture->interface, 1);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && count > (uint32_t)CPU_COUNT(&allowed))
        count = (uint32_t)CPU_COUNT(&allowed);
    return count < SOCKETS_DEFAULT ? count : SOCKETS_DEFAULT;
}

static int activation_refused(struct packet_socket *socket, int result, struct failure *failure)
{
    const char *interface = socket->capture->interface;

    switch (result) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return refusal_packet_rights(failure, interface);
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return failure_set(failure, EXIT_USAGE, "no interface %s (see: ip link)", interface);
    case PCAP_ERROR_IFACE_NOT_UP:
        return failure_set(failure, EXIT_USAGE, "interface %s is down (nothing arrives; ip link set %s up)", interface,
                           interface);
    default:
        return failure_set(failure, EXIT_FAILED, "cannot capture on %s (%s; %.120s)", interface,
                           pcap_statustostr(result), pcap_geterr(socket->pcap));
    }
}

static int filter_set(struct packet_socket *socket, const char *expression, struct failure *failure)
{
    struct bpf_program program;
    int result;

    if (!expression)
        return 0;
    if (frame_filter_compile(socket->pcap, expression, &program, failure) < 0)
        return -1;
    result = pcap_setfilter(socket->pcap, &program);
    pcap_freecode(&program);
    if (result < 0)
        return failure_set(failure, EXIT_FAILED, "the kernel refuses --filter '%.80s' (%.120s; a shorter one may do)",
                           expression, pcap_geterr(socket->pcap));
    return 0;
}

/* A frame of `ring_size` is SNAPSHOT_LENGTH bytes of the ring; frames take as much of it as they are long. */
static int ring_open(struct packet_socket *socket, const struct options *options, struct failure *failure)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    char name[LINK_TYPE_NAME];
    int result;

    socket->pcap = pcap_create(socket->capture->interface, error);
    if (!socket->pcap)
        return failure_set(failure, EXIT_FAILED, "cannot capture on %s (%.160s)", socket->capture->interface, error);
    pcap_set_snaplen(socket->pcap, SNAPSHOT_LENGTH);
    pcap_set_promisc(socket->pcap, 1);
    pcap_set_timeout(socket->pcap, RETIRE_MS);
    pcap_set_buffer_size(socket->pcap, (int)options->ring_size * SNAPSHOT_LENGTH);
    pcap_set_tstamp_precision(socket->pcap, PCAP_TSTAMP_PRECISION_NANO);
    result = pcap_activate(socket->pcap);
    if (result < 0)
        return activation_refused(socket, result, failure);
    if (!link_type_of(pcap_datalink(socket->pcap), &socket->queue.link))
        return failure_set(
            failure, EXIT_USAGE,
            "cannot read %s (link type %s, which xtop cannot read; Ethernet, raw IP or Linux SLL is needed)",
            socket->capture->interface, link_type_name(pcap_datalink(socket->pcap), name, sizeof name));
    if (filter_set(socket, options->filter, failure) < 0)
        return -1;
    if (pcap_setnonblock(socket->pcap, 1, error) < 0)
        return failure_set(failure, EXIT_FAILED, "cannot capture on %s (%.160s)", socket->capture->interface, error);
    socket->queue.fd = pcap_get_selectable_fd(socket->pcap);
    socket->queue.tells_egress = ring_is_known(socket->queue.fd);
    return 0;
}

/*
 * Puts a socket into the group that deals frames out by flow (packet(7), PACKET_FANOUT). The first gets a group number
 * that nobody has (0 is one); the others join it. Not PACKET_FANOUT_FLAG_DEFRAG: fragments are counted as they came.
 */
static int fanout_join(int fd, bool first, uint16_t *group)
{
    int number = (first ? PACKET_FANOUT_FLAG_UNIQUEID << 16 : *group) | PACKET_FANOUT_HASH << 16;
    socklen_t size = sizeof number;

    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &number, sizeof number) < 0)
        return -errno;
    if (first) {
        if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &number, &size) < 0)
            return -errno;
        *group = (uint16_t)number;
    }
    return 0;
}

static int sockets_open(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_packet *capture = source->private;
    uint32_t wanted = source->queues_expected;
    uint16_t group = 0;
    int on = 1;

    for (uint32_t i = 0; i < wanted; i++) {
        struct packet_socket *socket = calloc(1, sizeof *socket);
        int error;

        if (!socket)
            return failure_set(failure, EXIT_FAILED, "out of memory");
        socket->capture = capture;
        socket->queue = (struct source_queue){.fd = -1, .wait_ms = POLL_MS, .number = i, .own_clock = true};
        socket->queue.ring_frames = (uint32_t)((uint64_t)options->ring_size * SNAPSHOT_LENGTH / RING_LEAST);
        source->queue[source->queue_count++] = &socket->queue;
        if (ring_open(socket, options, failure) < 0)
            return -1;
        /* Linux 4.20; without it libpcap still drops them, but they take room in the ring. */
        if (strcmp(capture->interface, "lo") == 0)
            (void)setsockopt(socket->queue.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
        error = wanted > 1 ? fanout_join(socket->queue.fd, i == 0, &group) : 0;
        if (error)
            return failure_set(failure, EXIT_FAILED, "cannot share %s among %u threads (PACKET_FANOUT: %s; use -t 1)",
                               capture->interface, wanted, strerror(-error));
    }
    return 0;
}

/* Frames that found the ring full since this was asked last. */
static uint32_t drops_take(struct packet_socket *socket)
{
    struct tpacket_stats_v3 statistics = {0};
    socklen_t size = sizeof statistics;

    if (getsockopt(socket->queue.fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) < 0)
        return 0;
    return statistics.tp_drops;
}

/* From here on frames count; see "The start". */
static void capture_begin(struct source *source)
{
    struct af_packet *capture = source->private;
    struct link_state state = {0};

    (void)link_read(capture->netlink_fd, capture->ifindex, &state);
    capture->dropped_before = state.dropped + driver_losses_read(&capture->driver_losses);
    for (uint32_t i = 0; i < source->queue_count; i++)
        (void)drops_take((struct packet_socket *)source->queue[i]);
    capture->begun_at = clock_read(CLOCK_REALTIME);
    capture->clock_base = capture->begun_at - clock_read(CLOCK_MONOTONIC);
}

static void af_packet_let_go(struct source_queue *queue)
{
    struct packet_socket *socket = (struct packet_socket *)queue;

    pcap_close(socket->pcap);
    socket->pcap = NULL;
}

static void af_packet_close(struct source *source)
{
    struct af_packet *capture = source->private;

    for (uint32_t i = 0; i < source->queue_count; i++) {
        struct packet_socket *socket = (struct packet_socket *)source->queue[i];

        if (socket->pcap)
            pcap_close(socket->pcap);
        free(socket);
        source->queue[i] = NULL;
    }
    source->queue_count = 0;
    source->nic_dropped = NULL;
    if (!capture)
        return;
    driver_losses_close(&capture->driver_losses);
    if (capture->netlink_fd >= 0)
        close(capture->netlink_fd);
    free(capture);
    source->private = NULL;
}

static uint64_t af_packet_nic_dropped(struct source *source)
{
    struct af_packet *capture = source->private;
    struct link_state state;
    uint64_t dropped;

    if (link_read(capture->netlink_fd, capture->ifindex, &state) < 0)
        return capture->dropped;
    dropped = state.dropped + driver_losses_read(&capture->driver_losses);
    if (dropped > capture->dropped_before + capture->dropped)
        capture->dropped = dropped - capture->dropped_before;
    return capture->dropped;
}

static int af_packet_open(struct source *source, const struct options *options, struct failure *failure)
{
    struct af_packet *capture = calloc(1, sizeof *capture);

    if (!capture)
        return failure_set(failure, EXIT_FAILED, "out of memory");
    source->private = capture;
    capture->netlink_fd = link_open();
    if (capture->netlink_fd < 0)
        failure_set(failure, EXIT_FAILED, "cannot ask for interfaces (rtnetlink: %s)", strerror(-capture->netlink_fd));
    if (capture->netlink_fd < 0 || look_at_interface(source, options, failure) < 0) {
        af_packet_close(source);
        return -1;
    }
    source->queues_expected = sockets_wanted(capture, options);
    source->ring_size = options->ring_size;
    source->sandbox_needs = SANDBOX_PACKET | (driver_losses_there(&capture->driver_losses) ? SANDBOX_ETHTOOL : 0);
    source->filters = true;
    return 0;
}

static int af_packet_attach(struct source *source, const struct options *options, struct failure *failure)
{
    if (sockets_open(source, options, failure) < 0)
        return -1;
    capture_begin(source);
    source->nic_dropped = af_packet_nic_dropped;
    return 0;
}

/*
 * From the wall clock, which may jump, to the capture's own: see flow_abi.h. What seems to come from the future, or to
 * have lain in the ring for longer than anything does, was stamped before a jump: it is of now.
 */
static uint64_t time_translate(const struct packet_socket *socket, uint64_t stamp)
{
    uint64_t age = socket->wall > stamp ? socket->wall - stamp : 0;

    return age > AGE_MOST ? socket->now : socket->now - age;
}

/* libpcap's callback, once a frame. */
static void frame_take(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct packet_socket *socket = (struct packet_socket *)user;
    struct burst *burst = socket->burst;
    struct frame *frame = &burst->frame[burst->count];
    /* libpcap puts nanoseconds where microseconds are called for (PCAP_TSTAMP_PRECISION_NANO). */
    uint64_t time = time_translate(socket, (uint64_t)header->ts.tv_sec * 1000000000 + (uint64_t)header->ts.tv_usec);

    if (!socket->begun && time < socket->capture->begun_at)
        return;
    socket->begun = true;
    frame->captured = header->caplen < SNAPSHOT_LENGTH ? header->caplen : SNAPSHOT_LENGTH;
    frame->length = header->len > frame->captured ? header->len : frame->captured;
    frame->time = time;
    frame->cookie = socket->queue.tells_egress && ring_frame_egress(data, socket->capture->ifindex) ? FRAME_EGRESS : 0;
    frame->data = memcpy(socket->room[burst->count++], data, frame->captured);
}

static enum source_result af_packet_take(struct source_queue *queue, struct burst *burst)
{
    struct packet_socket *socket = (struct packet_socket *)queue;

    burst->count = 0;
    burst->timed = true;
    socket->burst = burst;
    socket->wall = clock_read(CLOCK_REALTIME);
    socket->now = clock_read(CLOCK_MONOTONIC) + socket->capture->clock_base;
    if (pcap_dispatch(socket->pcap, SOURCE_BURST, frame_take, (u_char *)socket) >= 0) {
        if (!burst->count)
            return SOURCE_IDLE;
        return SOURCE_FRAMES;
    }
    /* The answer of the kernel is ENETDOWN for "down" as well; libpcap has looked whether the device still exists. */
    if (strstr(pcap_geterr(socket->pcap), "disappeared"))
        failure_set(&queue->failure, EXIT_FAILED,
                    "interface %s is gone (removed while capturing; start again when it is back)",
                    socket->capture->interface);
    else
        failure_set(&queue->failure, EXIT_FAILED, "cannot capture on %s any longer (%.160s; start again)",
                    socket->capture->interface, pcap_geterr(socket->pcap));
    return SOURCE_FAILED;
}

static void af_packet_recycle(struct source_queue *queue, const struct burst *burst)
{
    (void)queue;
    (void)burst;
}

static void af_packet_statistics(struct source_queue *queue, struct xtop_queue *counters)
{
    struct packet_socket *socket = (struct packet_socket *)queue;

    socket->drops += drops_take(socket);
    counters->ring_dropped = socket->drops;
}

const struct source_operations source_af_packet = {
    .name = "af_packet",
    .open = af_packet_open,
    .attach = af_packet_attach,
    .take = af_packet_take,
    .recycle = af_packet_recycle,
    .statistics = af_packet_statistics,
    .let_go = af_packet_let_go,
    .close = af_packet_close,
};
