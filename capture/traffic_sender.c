/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/traffic_sender.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "demo_traffic.skel.h"

#define TRAFFIC_BATCH 64
#define TRAFFIC_LIVE_FRAMES (1U << 1) /* BPF_F_TEST_XDP_LIVE_FRAMES; in linux/bpf.h since 5.18 */

/* union bpf_attr.test with batch_size (kernel 5.18): the headers and libbpf of Ubuntu 22.04 end before it. */
struct test_run {
    uint32_t program_fd;
    uint32_t result;
    uint32_t data_size_in;
    uint32_t data_size_out;
    uint64_t data_in;
    uint64_t data_out;
    uint32_t repeat;
    uint32_t duration;
    uint32_t context_size_in;
    uint32_t context_size_out;
    uint64_t context_in;
    uint64_t context_out;
    uint32_t flags;
    uint32_t cpu;
    uint32_t batch_size;
    uint32_t padding;
};

static int run_frames(const struct traffic_sender *sender, uint32_t frames)
{
    struct xdp_md context = {.data_end = sender->frame_size};
    struct test_run run = {
        .program_fd = (uint32_t)sender->program_fd,
        .data_size_in = sender->frame_size,
        .data_in = (uintptr_t)sender->frame,
        .repeat = frames,
        .context_size_in = sizeof context,
        .context_in = (uintptr_t)&context,
        .flags = TRAFFIC_LIVE_FRAMES,
        .batch_size = TRAFFIC_BATCH,
    };

    return syscall(SYS_bpf, BPF_PROG_TEST_RUN, &run, sizeof run) < 0 ? -errno : 0;
}

int traffic_sender_run(struct traffic_sender *sender, uint32_t frames, struct failure *failure)
{
    int error = run_frames(sender, frames);

    if (error == 0 || error == -EINTR)
        return 0;
    if (error == -EINVAL || error == -E2BIG)
        return failure_set(failure, EXIT_USAGE,
                           "this kernel cannot send frames from XDP (BPF_F_TEST_XDP_LIVE_FRAMES needs Linux 5.18)");
    if (error == -EPERM)
        return failure_set(failure, EXIT_RIGHTS,
                           "cannot send frames (CAP_NET_ADMIN and CAP_BPF are missing; run as root)");
    return failure_set(failure, EXIT_FAILED, "cannot send frames (BPF_PROG_TEST_RUN: %s)", strerror(-error));
}

/*
 * Has the program attached to the interface that it sends from, where it passes on what arrives. A test run puts its
 * program into the kernel's XDP dispatcher and takes it out afterwards, and both wait for all CPUs (25 ms); a program
 * that is attached somewhere is in already. Where this is refused, sending is only slower to start.
 */
static void keep_dispatched(struct traffic_sender *sender, uint32_t ifindex)
{
    DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_SKB_MODE);

    sender->link_fd = bpf_link_create(sender->program_fd, (int)ifindex, BPF_XDP, &options);
}

static void *map_memory(const struct bpf_map *map, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static size_t state_size(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (TRAFFIC_CPUS * sizeof(struct traffic_state) + page - 1) / page * page;
}

static int sender_load(struct traffic_sender *sender, uint32_t ifindex, const char *interface, struct failure *failure)
{
    uint32_t zero = 0;
    int error;

    libbpf_set_print(NULL);
    if (!ifindex)
        return failure_set(failure, EXIT_USAGE, "no interface %s (see: ip link)", interface);
    sender->skeleton = demo_traffic__open();
    error = sender->skeleton ? demo_traffic__load(sender->skeleton) : -errno;
    if (error == -EPERM) /* -EACCES would be the verifier's */
        return failure_set(
            failure, EXIT_RIGHTS,
            "cannot load the traffic's XDP program (CAP_NET_ADMIN and CAP_BPF are missing; run as root)");
    if (error)
        return failure_set(failure, EXIT_USAGE,
                           "this kernel does not load the traffic's XDP program (%s; it needs Linux 5.18)",
                           strerror(-error));
    if (bpf_map_update_elem(bpf_map__fd(sender->skeleton->maps.traffic_out), &zero, &ifindex, BPF_ANY) < 0)
        return failure_set(failure, EXIT_USAGE, "%s cannot send from XDP (%s)", interface, strerror(errno));
    sender->slot = map_memory(sender->skeleton->maps.traffic_slots, TRAFFIC_SLOTS * sizeof *sender->slot);
    sender->state = map_memory(sender->skeleton->maps.traffic_state, state_size());
    sender->frame = calloc(1, TRAFFIC_FRAME_MAX);
    if (!sender->slot || !sender->state || !sender->frame)
        return failure_set(failure, EXIT_FAILED, "no memory for traffic (%s)", strerror(errno));
    return 0;
}

/* RFC 1071 over a header of `size` bytes, an even number, at an even address. */
static uint16_t internet_checksum(const void *header, size_t size)
{
    const uint8_t *bytes = header;
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i += 2) {
        uint16_t word;

        memcpy(&word, bytes + i, sizeof word);
        sum += word;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The frame of exact traffic without its flow: source address and port are the program's to write. */
static void build_exact_frame(struct traffic_sender *sender)
{
    struct ethhdr ethernet = {.h_dest = {2, 0, 0, 0, 0, 2}, .h_source = {2, 0, 0, 0, 0, 1}, .h_proto = htons(ETH_P_IP)};
    struct iphdr ip = {
        .version = 4,
        .ihl = 5,
        .tot_len = htons((uint16_t)(sender->frame_size - sizeof ethernet)),
        .ttl = 64,
        .protocol = IPPROTO_UDP,
        .daddr = htonl(TRAFFIC_DESTINATION_ADDRESS),
    };
    struct udphdr udp = {
        /* checksum 0: none */
        .dest = htons(TRAFFIC_DESTINATION_PORT),
        .len = htons((uint16_t)(sender->frame_size - sizeof ethernet - sizeof ip)),
    };

    sender->state->checksum = internet_checksum(&ip, sizeof ip);
    memcpy(sender->frame, &ethernet, sizeof ethernet);
    memcpy(sender->frame + sizeof ethernet, &ip, sizeof ip);
    memcpy(sender->frame + sizeof ethernet + sizeof ip, &udp, sizeof udp);
}

int traffic_sender_open_exact(struct traffic_sender *sender, const char *interface, uint32_t flows, uint32_t frame_size,
                              struct failure *failure)
{
    uint32_t ifindex = if_nametoindex(interface);

    *sender = (struct traffic_sender){.frame_size = frame_size, .link_fd = -1};
    if (sender_load(sender, ifindex, interface, failure) < 0) {
        traffic_sender_close(sender);
        return -1;
    }
    sender->program_fd = bpf_program__fd(sender->skeleton->progs.traffic_exact);
    keep_dispatched(sender, ifindex);
    sender->state->flows = flows;
    build_exact_frame(sender);
    return 0;
}

int traffic_sender_open_replay(struct traffic_sender *sender, const char *interface, struct failure *failure)
{
    uint32_t ifindex = if_nametoindex(interface);

    *sender = (struct traffic_sender){.frame_size = TRAFFIC_SLOT_DATA, .link_fd = -1};
    if (sender_load(sender, ifindex, interface, failure) < 0) {
        traffic_sender_close(sender);
        return -1;
    }
    sender->program_fd = bpf_program__fd(sender->skeleton->progs.traffic_replay);
    keep_dispatched(sender, ifindex);
    return 0;
}

uint64_t traffic_sender_sent(const struct traffic_sender *sender)
{
    uint64_t sent = 0;

    for (uint32_t i = 0; i < TRAFFIC_CPUS; i++)
        sent += __atomic_load_n(&sender->state[i].sent, __ATOMIC_RELAXED);
    return sent;
}

void traffic_sender_close(struct traffic_sender *sender)
{
    if (sender->slot)
        munmap(sender->slot, TRAFFIC_SLOTS * sizeof *sender->slot);
    if (sender->state)
        munmap(sender->state, state_size());
    free(sender->frame);
    if (sender->link_fd >= 0)
        close(sender->link_fd);
    if (sender->skeleton)
        demo_traffic__destroy(sender->skeleton);
    *sender = (struct traffic_sender){.program_fd = -1, .link_fd = -1};
}
