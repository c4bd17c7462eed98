/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BPF program against the parser in C: every frame of frame_cases.c, every prefix of it and every byte of it set to
 * extremes goes through both, by BPF_PROG_TEST_RUN and by parse_frame(), and key, result and fields must be the same.
 * What the frames mean is settled by test_parse.c. Needs the right to load programs; the skip is loud.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <errno.h>

#include "capture/flow_counter.h"
#include "capture/parse.h"
#include "flow_count.skel.h"
#include "frame_cases.h"

#define FRAME_MAX 2048
#define FRAME_LEAST 14 /* the kernel's own for a test run */
#define SKIPPED 77     /* meson's exit code for it */

/* One loaded program, for links of one kind, and what a run left in its maps. */
struct kernel {
    struct flow_counter counter;
    enum link_type link;
};

struct outcome {
    enum parse_result result;
    struct flow_counts counts;
    struct flow_sum_key key;
    struct flow_sum sum;
};

static struct kernel ethernet = {.link = LINK_ETHERNET};
static struct kernel raw_ip = {.link = LINK_RAW_IP};
static const struct sampling every_packet = {.interval = 1};

static uint32_t decode(const char *hex, uint8_t *bytes)
{
    uint32_t size = 0;

    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        unsigned int byte;

        assert_true(size < FRAME_MAX);
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        bytes[size++] = (uint8_t)byte;
    }
    return size;
}

/* Reads the counters of epoch 0 and sets them to zero. */
static void counts_take(struct kernel *kernel, struct flow_counts *sum)
{
    int map = bpf_map__fd(kernel->counter.skeleton->maps.flow_counts);
    uint32_t epoch = 0;

    assert_int_equal(bpf_map_lookup_elem(map, &epoch, kernel->counter.cpu_counts), 0);
    memset(sum, 0, sizeof *sum);
    for (uint32_t cpu = 0; cpu < kernel->counter.cpus; cpu++)
        for (size_t i = 0; i < sizeof *sum / sizeof(uint64_t); i++)
            ((uint64_t *)sum)[i] += ((const uint64_t *)&kernel->counter.cpu_counts[cpu])[i];
    memset(kernel->counter.cpu_counts, 0, kernel->counter.cpus * sizeof *sum);
    assert_int_equal(bpf_map_update_elem(map, &epoch, kernel->counter.cpu_counts, BPF_ANY), 0);
}

/*
 * Runs a frame through the kernel's program; what it counted is taken out of the maps again. False when the kernel does
 * not run it: newer ones refuse a frame whose EtherType says IP and which has no room for the IP header.
 */
static bool kernel_run(struct kernel *kernel, const uint8_t *frame, uint32_t size, struct outcome *outcome)
{
    DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size, .repeat = 1);
    int map = bpf_map__fd(kernel->counter.skeleton->maps.flow_sums_0);

    if (bpf_prog_test_run_opts(flow_counter_in_fd(&kernel->counter), &options) < 0) {
        assert_int_equal(errno, EINVAL);
        assert_true(kernel->link == LINK_ETHERNET && size < 14 + 40);
        return false;
    }
    assert_int_equal((int)options.retval, -1); /* TCX_NEXT: whatever it is, it goes on */
    counts_take(kernel, &outcome->counts);
    assert_int_equal(outcome->counts.received, 1);
    assert_int_equal(outcome->counts.received_bytes, size);
    assert_int_equal(outcome->counts.table_full, 0);
    outcome->result = PARSE_FLOW;
    if (outcome->counts.non_ip)
        outcome->result = PARSE_NON_IP;
    if (outcome->counts.malformed)
        outcome->result = PARSE_MALFORMED;
    if (bpf_map_get_next_key(map, NULL, &outcome->key) < 0) {
        assert_int_not_equal(outcome->result, PARSE_FLOW);
        return true;
    }
    assert_int_equal(outcome->result, PARSE_FLOW);
    assert_int_equal(bpf_map_lookup_elem(map, &outcome->key, &outcome->sum), 0);
    assert_int_equal(bpf_map_delete_elem(map, &outcome->key), 0);
    assert_int_not_equal(bpf_map_get_next_key(map, NULL, &(struct flow_sum_key){0}), 0);
    return true;
}

#define SAME(got, wanted)                                                                                   \
    do {                                                                                                    \
        if ((uint64_t)(got) != (uint64_t)(wanted))                                                          \
            fail_msg("%s, %u bytes: " #got " is %llu, must be %llu", name, size, (unsigned long long)(got), \
                     (unsigned long long)(wanted));                                                         \
    } while (0)

static void compare(const char *name, uint32_t size, const struct outcome *got, const struct packet *wanted)
{
    if (memcmp(&got->key.key, &wanted->key, sizeof wanted->key) != 0)
        fail_msg("%s, %u bytes: the keys differ", name, size);
    SAME(got->key.place & 1, wanted->direction);
    SAME(got->sum.packets, 1);
    SAME(got->sum.bytes, wanted->bytes);
    SAME(got->sum.payload_bytes, wanted->payload_bytes);
    SAME(got->sum.tcp_options, wanted->tcp_options);
    SAME(got->sum.ipv4_options, wanted->ipv4_options);
    SAME(got->sum.tcp_flags, wanted->tcp_flags);
    SAME(got->sum.ipv6_extensions, wanted->ipv6_extensions);
    SAME(got->sum.ttl_min, wanted->ttl);
    SAME(got->sum.ttl_max, wanted->ttl);
    SAME(got->sum.dscp, wanted->dscp);
    SAME(got->sum.ip_flags, wanted->ip_flags);
    SAME(got->sum.opens, wanted->opens);
    SAME(got->sum.tcp_seen, wanted->tcp_seen);
    SAME(got->sum.size_histogram[wanted->size_bin], 1);
    SAME(got->counts.packet_size[wanted->size_bin], 1);
    SAME(got->counts.length_mismatch, wanted->unusual & PACKET_LENGTH_MISMATCH);
    SAME(got->sum.first_ack != 0, (wanted->tcp_flags & 0x12) == 0x10);
    SAME(got->sum.first_seen != 0 && got->sum.first_seen == got->sum.last_seen, 1);
}

/* Both ways; `size` bytes are the whole frame. What the kernel refuses goes without its Ethernet header. */
static void run_both(struct kernel *kernel, const char *name, const uint8_t *frame, uint32_t size)
{
    struct outcome outcome = {0};
    struct packet packet;
    enum parse_result result;

    if (size < FRAME_LEAST)
        return;
    result = parse_frame(frame, size, size, kernel->link, false, &packet);
    if (!kernel_run(kernel, frame, size, &outcome)) {
        run_both(&raw_ip, name, frame + 14, size - 14);
        return;
    }
    SAME(outcome.result, result);
    if (result == PARSE_FLOW)
        compare(name, size, &outcome, &packet);
}

static struct kernel *kernel_for(const struct frame_case *frame)
{
    if (frame->link == LINK_ETHERNET)
        return &ethernet;
    return frame->link == LINK_RAW_IP ? &raw_ip : NULL;
}

/* The frame of a case as it was on the wire: what was not captured is zeros. Its size, or 0 when it is too large. */
static uint32_t case_frame(const struct frame_case *frame, uint8_t *bytes)
{
    uint32_t size;

    memset(bytes, 0, FRAME_MAX);
    size = decode(frame->hex, bytes);
    if (frame->wire > size)
        size = frame->wire;
    return size <= 1514 ? size : 0;
}

static void test_every_case(void **state)
{
    uint32_t ran = 0;

    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        uint8_t bytes[FRAME_MAX];
        uint32_t size = case_frame(&frame_cases[i], bytes);

        if (!kernel_for(&frame_cases[i]) || !size)
            continue;
        run_both(kernel_for(&frame_cases[i]), frame_cases[i].name, bytes, size);
        ran++;
    }
    assert_true(ran >= 70);
}

static void test_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        uint8_t bytes[FRAME_MAX];
        uint32_t size = case_frame(&frame_cases[i], bytes);

        if (!kernel_for(&frame_cases[i]))
            continue;
        for (uint32_t cut = FRAME_LEAST; cut < size && cut < 200; cut++)
            run_both(kernel_for(&frame_cases[i]), frame_cases[i].name, bytes, cut);
    }
}

static void test_every_byte_set_to_extremes(void **state)
{
    static const uint8_t extreme[] = {0x00, 0x01, 0x0f, 0x40, 0x7f, 0x80, 0xf0, 0xff};

    (void)state;
    for (size_t i = 0; i < frame_case_count; i++) {
        uint8_t bytes[FRAME_MAX];
        uint32_t size = case_frame(&frame_cases[i], bytes);

        if (!kernel_for(&frame_cases[i]))
            continue;
        for (uint32_t at = 0; at < size * sizeof extreme && at < 200 * sizeof extreme; at++) {
            uint8_t *changed = &bytes[at / sizeof extreme];
            uint8_t before = *changed;

            *changed = extreme[at % sizeof extreme];
            run_both(kernel_for(&frame_cases[i]), frame_cases[i].name, bytes, size);
            *changed = before;
        }
    }
}

/* A UDP frame from 10.0.0.0 + flow. */
static void flow_frame(uint32_t flow, uint8_t *frame)
{
    decode("020000000002020000000001"
           "0800"
           "450000200001000040110000"
           "0a0000000b000001"
           "03e80035000c0000"
           "01020304",
           frame);
    for (int i = 0; i < 4; i++)
        frame[26 + i] = (uint8_t)((0x0a000000u + flow) >> (24 - 8 * i));
}

static void send_flow(struct flow_counter *counter, uint32_t flow, uint32_t packets)
{
    uint8_t frame[FRAME_MAX];
    DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = 46, .repeat = (int)packets);

    flow_frame(flow, frame);
    assert_int_equal(bpf_prog_test_run_opts(flow_counter_in_fd(counter), &options), 0);
}

/* Epochs: what came before a turn is in it, what comes after is in the next, each packet once. */
static void test_an_epoch_holds_what_came_before_its_turn(void **state)
{
    struct flow_epoch epoch;
    uint64_t received;

    (void)state;
    for (uint32_t round = 1; round <= 3; round++) {
        for (uint32_t flow = 0; flow < 10 * round; flow++)
            send_flow(&ethernet.counter, flow, flow + 1);
        assert_int_equal(flow_counter_received(&ethernet.counter, &received), 0);
        assert_int_equal(received, 10 * round * (10 * round + 1) / 2);
        assert_int_equal(flow_counter_turn(&ethernet.counter, &epoch), 0);
        assert_int_equal(epoch.counts.received, received);
        assert_int_equal(epoch.counts.received_bytes, received * 46);
        for (uint32_t i = 0; i < epoch.count; i++) {
            const struct flow_epoch_entry *entry = &epoch.entry[i];
            uint32_t flow = epoch.key[entry->at].key.address[0][3];

            received -= epoch.sum[entry->at].packets;
            assert_int_equal(epoch.sum[entry->at].bytes, 32 * epoch.sum[entry->at].packets);
            assert_true(flow < 10 * round);
            assert_true(i == 0 || epoch.entry[i - 1].first_seen <= entry->first_seen);
        }
        assert_int_equal(received, 0);
        assert_true(epoch.count >= 10 * round); /* more where the kernel moved us to another CPU */
    }
    assert_int_equal(flow_counter_received(&ethernet.counter, &received), 0);
    assert_int_equal(received, 0);
}

/* A map with room for 64: each packet of the others is counted as table_full, and the law holds. */
static void test_a_full_map_is_counted_packet_by_packet(void **state)
{
    struct flow_counter small;
    struct flow_epoch epoch;

    (void)state;
    assert_int_equal(flow_counter_load(&small, 14, 64, every_packet), 0);
    for (uint32_t round = 0; round < 2; round++) {
        uint64_t accounted = 0;

        for (uint32_t flow = 0; flow < 200; flow++)
            send_flow(&small, flow, 3);
        assert_int_equal(flow_counter_turn(&small, &epoch), 0);
        for (uint32_t i = 0; i < epoch.count; i++)
            accounted += epoch.sum[i].packets;
        assert_int_equal(epoch.counts.received, 600);
        assert_true(epoch.count <= 64 && epoch.count > 0);
        assert_int_equal(accounted + epoch.counts.table_full, 600);
        assert_true(epoch.counts.table_full >= 3 * (200 - 64));
    }
    flow_counter_unload(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte_set_to_extremes),
        cmocka_unit_test(test_an_epoch_holds_what_came_before_its_turn),
        cmocka_unit_test(test_a_full_map_is_counted_packet_by_packet),
    };
    int error, failed;

    libbpf_set_print(NULL);
    error = flow_counter_load(&ethernet.counter, 14, 1024, every_packet);
    if (error == -EPERM) {
        fprintf(stderr, "test_flow_count: SKIPPED, no right to load BPF programs (run as root)\n");
        return SKIPPED;
    }
    if (error == 0)
        error = flow_counter_load(&raw_ip.counter, 0, 1024, every_packet);
    if (error) {
        fprintf(stderr, "test_flow_count: cannot load the programs: %s\n", strerror(-error));
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    flow_counter_unload(&ethernet.counter);
    flow_counter_unload(&raw_ip.counter);
    return failed;
}
