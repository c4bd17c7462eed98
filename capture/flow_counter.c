/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_counter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/monotonic_clock.h"
#include "capture/sampling.h"
#include "flow_count.skel.h"

/* libbpf up to 0.8 returns -1 and sets errno where 1.x returns -errno and sets it too. */
static int libbpf_error(int result)
{
    return errno > 0 ? -errno : result;
}

/* Before kernel 5.11 maps count as locked memory; where the limit cannot be raised, newer kernels do not need it. */
static void raise_memory_limit(void)
{
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

    (void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

static int map_create(enum bpf_map_type type, int inner_fd)
{
    union bpf_attr attributes = {
        .map_type = type,
        .key_size = sizeof(uint32_t),
        .value_size = sizeof(uint32_t),
        .max_entries = 1,
        .inner_map_fd = (uint32_t)(inner_fd < 0 ? 0 : inner_fd),
    };
    int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);

    return fd < 0 ? -errno : fd;
}

/*
 * The kernel says (kernel/bpf/syscall.c, maybe_wait_bpf_programs) that once a map in a map was replaced from user
 * space, no program runs any more that may have seen the old one. No program looks at ours: it is there to wait by.
 */
static int turn_map_create(struct flow_counter *counter)
{
    counter->turn_inner_fd = map_create(BPF_MAP_TYPE_ARRAY, -1);
    if (counter->turn_inner_fd < 0)
        return counter->turn_inner_fd;
    counter->turn_fd = map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, counter->turn_inner_fd);
    return counter->turn_fd < 0 ? counter->turn_fd : 0;
}

static int rooms_allocate(struct flow_counter *counter)
{
    int cpus = libbpf_num_possible_cpus();

    if (cpus < 0)
        return cpus;
    counter->cpus = (uint32_t)cpus;
    counter->cpu_counts = calloc(counter->cpus, sizeof *counter->cpu_counts);
    /* Large and seldom filled: memory comes as it is written. */
    counter->key = calloc(counter->entries, sizeof *counter->key);
    counter->sum = calloc(counter->entries, sizeof *counter->sum);
    counter->entry = calloc(counter->entries, sizeof *counter->entry);
    return counter->cpu_counts && counter->key && counter->sum && counter->entry ? 0 : -ENOMEM;
}

static int programs_load(struct flow_counter *counter, uint32_t link_header, struct sampling sampling)
{
    struct flow_count *skeleton = flow_count__open();
    int error;

    if (!skeleton)
        return libbpf_error(-ENOMEM);
    counter->skeleton = skeleton;
    skeleton->rodata->link_header = link_header;
    skeleton->rodata->sample_interval = sampling.interval;
    skeleton->rodata->sample_threshold = sampling.random ? sampling_threshold(sampling.interval) : 0;
    /* "classifier" has a type of its own in every libbpf, but not always without being told. */
    bpf_program__set_type(skeleton->progs.flow_count_in, BPF_PROG_TYPE_SCHED_CLS);
    bpf_program__set_type(skeleton->progs.flow_count_out, BPF_PROG_TYPE_SCHED_CLS);
    if (bpf_map__set_max_entries(skeleton->maps.flow_sums_0, counter->entries) ||
        bpf_map__set_max_entries(skeleton->maps.flow_sums_1, counter->entries))
        return libbpf_error(-EINVAL);
    error = flow_count__load(skeleton);
    if (error == 0) { /* a process forked beside us has no business with them */
        (void)madvise(skeleton->bss, sizeof *skeleton->bss, MADV_DONTFORK);
        (void)madvise((void *)(uintptr_t)skeleton->rodata, sizeof *skeleton->rodata, MADV_DONTFORK);
    }
    return error;
}

int flow_counter_load(struct flow_counter *counter, uint32_t link_header, uint32_t entries, struct sampling sampling)
{
    int error;

    *counter = (struct flow_counter){.entries = entries, .turn_fd = -1, .turn_inner_fd = -1};
    raise_memory_limit();
    error = programs_load(counter, link_header, sampling);
    if (error == 0)
        error = turn_map_create(counter);
    if (error == 0)
        error = rooms_allocate(counter);
    if (error)
        flow_counter_unload(counter);
    return error;
}

int flow_counter_in_fd(const struct flow_counter *counter)
{
    return bpf_program__fd(counter->skeleton->progs.flow_count_in);
}

int flow_counter_out_fd(const struct flow_counter *counter)
{
    return bpf_program__fd(counter->skeleton->progs.flow_count_out);
}

static int counts_read(struct flow_counter *counter, uint32_t epoch)
{
    int map = bpf_map__fd(counter->skeleton->maps.flow_counts);

    return bpf_map_lookup_elem(map, &epoch, counter->cpu_counts) < 0 ? libbpf_error(-EINVAL) : 0;
}

static int counts_clear(struct flow_counter *counter, uint32_t epoch)
{
    int map = bpf_map__fd(counter->skeleton->maps.flow_counts);

    memset(counter->cpu_counts, 0, counter->cpus * sizeof *counter->cpu_counts);
    return bpf_map_update_elem(map, &epoch, counter->cpu_counts, BPF_ANY) < 0 ? libbpf_error(-EINVAL) : 0;
}

static void counts_sum(const struct flow_counter *counter, struct flow_counts *sum)
{
    *sum = (struct flow_counts){0};
    for (uint32_t i = 0; i < counter->cpus; i++) {
        const struct flow_counts *one = &counter->cpu_counts[i];

        sum->received += one->received;
        sum->received_bytes += one->received_bytes;
        sum->non_ip += one->non_ip;
        sum->malformed += one->malformed;
        sum->sampled_out += one->sampled_out;
        sum->table_full += one->table_full;
        sum->length_mismatch += one->length_mismatch;
        sum->unhandled += one->unhandled;
        for (uint32_t bin = 0; bin < FLOW_SIZE_BINS; bin++)
            sum->packet_size[bin] += one->packet_size[bin];
    }
}

int flow_counter_received(struct flow_counter *counter, uint64_t *received)
{
    struct flow_counts sum;
    int error = counts_read(counter, counter->skeleton->bss->flow_epoch);

    if (error)
        return error;
    counts_sum(counter, &sum);
    *received = sum.received;
    return 0;
}

/* The epoch's turn; afterwards the old one is nobody's but ours. */
static int epoch_turn_over(struct flow_counter *counter)
{
    uint32_t zero = 0;

    counter->skeleton->bss->flow_epoch ^= 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return bpf_map_update_elem(counter->turn_fd, &zero, &counter->turn_inner_fd, BPF_ANY) < 0 ? libbpf_error(-EINVAL)
                                                                                              : 0;
}

/* Takes every flow out of a map that no program uses now. */
static int flows_take(struct flow_counter *counter, uint32_t epoch, uint32_t *count)
{
    struct bpf_map *map = epoch ? counter->skeleton->maps.flow_sums_1 : counter->skeleton->maps.flow_sums_0;
    uint32_t position = 0;
    bool first = true;

    *count = 0;
    while (*count < counter->entries) {
        uint32_t room = counter->entries - *count;
        int result = bpf_map_lookup_and_delete_batch(bpf_map__fd(map), first ? NULL : &position, &position,
                                                     counter->key + *count, counter->sum + *count, &room, NULL);

        if (result < 0 && errno != ENOENT)
            return libbpf_error(result);
        *count += room;
        first = false;
        if (result < 0)
            break;
    }
    return 0;
}

static int entry_compare(const void *left, const void *right)
{
    const struct flow_epoch_entry *a = left;
    const struct flow_epoch_entry *b = right;

    return (a->first_seen > b->first_seen) - (a->first_seen < b->first_seen);
}

static void entries_order(struct flow_counter *counter, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        counter->entry[i] = (struct flow_epoch_entry){.first_seen = counter->sum[i].first_seen, .at = i};
    qsort(counter->entry, count, sizeof *counter->entry, entry_compare);
}

int flow_counter_turn(struct flow_counter *counter, struct flow_epoch *epoch)
{
    uint32_t old = counter->skeleton->bss->flow_epoch;
    uint64_t begun = monotonic_now();
    int error = epoch_turn_over(counter);

    *epoch = (struct flow_epoch){.key = counter->key, .sum = counter->sum, .entry = counter->entry, .until = begun};
    epoch->waited = monotonic_now() - begun;
    if (error == 0)
        error = counts_read(counter, old);
    if (error)
        return error;
    counts_sum(counter, &epoch->counts);
    error = flows_take(counter, old, &epoch->count);
    if (error == 0)
        error = counts_clear(counter, old);
    if (error)
        return error;
    entries_order(counter, epoch->count);
    return 0;
}

void flow_counter_unload(struct flow_counter *counter)
{
    if (counter->turn_fd >= 0)
        close(counter->turn_fd);
    if (counter->turn_inner_fd >= 0)
        close(counter->turn_inner_fd);
    if (counter->skeleton)
        flow_count__destroy(counter->skeleton);
    free(counter->cpu_counts);
    free(counter->key);
    free(counter->sum);
    free(counter->entry);
    *counter = (struct flow_counter){.turn_fd = -1, .turn_inner_fd = -1};
}
