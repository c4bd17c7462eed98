/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define PAGE UINT64_C(4096)

/* 4 flows a bucket of 7: with 64 bytes a bucket, the index costs 16 bytes a flow; in it is what counts of births take. */
#define FLOWS_PER_BUCKET 4
#define FLOWS_PER_BUCKET_OF_BIRTHS (sizeof(struct xtop_bucket) * XTOP_BIRTHS_SLOTS / sizeof(uint16_t))

static uint64_t page_round(uint64_t size)
{
    return (size + PAGE - 1) & ~(PAGE - 1);
}

static uint32_t plan_buckets(const struct segment_plan *plan)
{
    uint64_t buckets = (plan->max_flows + FLOWS_PER_BUCKET - UINT64_C(1)) / FLOWS_PER_BUCKET;

    if (plan->max_flows >= FLOWS_PER_BUCKET_OF_BIRTHS)
        buckets -= plan->max_flows / FLOWS_PER_BUCKET_OF_BIRTHS + 1;
    return (uint32_t)buckets;
}

static uint64_t plan_births_size(const struct segment_plan *plan)
{
    return page_round((plan->max_flows / XTOP_BIRTHS_SLOTS + UINT64_C(1)) * sizeof(uint16_t));
}

/* A table that says whose is which, and the histograms. */
static uint64_t plan_byte_histograms_size(const struct segment_plan *plan)
{
    if (plan->byte_histograms == 0)
        return 0;
    return page_round((plan->max_flows + UINT64_C(1)) * sizeof(uint32_t)) +
           page_round((plan->byte_histograms + UINT64_C(1)) * sizeof(struct xtop_byte_histogram));
}

static uint64_t plan_shard_size(const struct segment_plan *plan)
{
    return page_round(plan_buckets(plan) * sizeof(struct xtop_bucket)) + plan_births_size(plan) +
           page_round((plan->max_flows + UINT64_C(1)) * sizeof(struct xtop_slot)) +
           page_round((plan->max_flows + UINT64_C(1)) * sizeof(struct xtop_rest)) +
           page_round(plan->ended_capacity * sizeof(struct xtop_record)) + plan_byte_histograms_size(plan);
}

static uint64_t plan_shards_start(const struct segment_plan *plan)
{
    return page_round(XTOP_HEADER_SIZE + plan->queue_count * (sizeof(struct xtop_queue) + sizeof(struct xtop_shard)));
}

static void shard_lay_out(struct xtop_shard *shard, const struct segment_plan *plan, uint64_t offset)
{
    shard->index_offset = offset;
    offset += page_round(plan_buckets(plan) * sizeof(struct xtop_bucket));
    shard->births_offset = offset;
    offset += plan_births_size(plan);
    shard->slots_offset = offset;
    offset += page_round((plan->max_flows + UINT64_C(1)) * sizeof(struct xtop_slot));
    shard->rests_offset = offset;
    offset += page_round((plan->max_flows + UINT64_C(1)) * sizeof(struct xtop_rest));
    shard->ended_offset = offset;
    if (plan->byte_histograms) {
        offset += page_round(plan->ended_capacity * sizeof(struct xtop_record));
        shard->byte_histogram_of_offset = offset;
        shard->byte_histograms_offset = offset + page_round((plan->max_flows + UINT64_C(1)) * sizeof(uint32_t));
        shard->byte_histogram_capacity = plan->byte_histograms;
    }
    shard->bucket_count = plan_buckets(plan);
    shard->record_capacity = plan->max_flows;
    shard->ended_capacity = plan->ended_capacity;
}

static void header_lay_out(struct xtop_header *header, const struct segment_plan *plan, uint64_t size)
{
    header->magic = XTOP_MAGIC;
    header->layout_version = XTOP_LAYOUT_VERSION;
    header->header_size = XTOP_HEADER_SIZE;
    header->segment_size = size;
    header->record_size = sizeof(struct xtop_record);
    header->queue_size = sizeof(struct xtop_queue);
    header->shard_size = sizeof(struct xtop_shard);
    header->queue_count = plan->queue_count;
    header->queues_offset = XTOP_HEADER_SIZE;
    header->shards_offset = XTOP_HEADER_SIZE + plan->queue_count * sizeof(struct xtop_queue);
    header->hash_seed = plan->hash_seed;
    header->max_flows = plan->max_flows;
    header->sampling = 1;
    header->sampling_method = XTOP_SAMPLING_NONE;
    header->pid = (int32_t)getpid();
    for (uint32_t i = 0; i < plan->queue_count; i++) {
        segment_queue(header, i)->cpu = -1;
        shard_lay_out(segment_shard(header, i), plan, plan_shards_start(plan) + i * plan_shard_size(plan));
    }
}

int segment_create(struct segment *segment, const struct segment_plan *plan, struct failure *failure)
{
    uint64_t size = plan_shards_start(plan) + plan->queue_count * plan_shard_size(plan);
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    void *map;

    size = (size + SEGMENT_WINDOW - 1) & ~(SEGMENT_WINDOW - 1);
    segment->fd = memfd_create("xtop-flows", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (segment->fd < 0)
        return failure_set(failure, EXIT_FAILED, "cannot create shared memory (memfd_create: %s)", strerror(errno));
    if (ftruncate(segment->fd, (off_t)size) < 0) {
        failure_set(failure, EXIT_FAILED, "cannot reserve %llu MiB of shared memory (%s; %s)",
                    (unsigned long long)(size >> 20), strerror(errno),
                    errno == EFBIG ? "raise ulimit -f" : "lower --max-flows");
        goto fail;
    }
    map = segment_map(segment->fd, size, PROT_READ | PROT_WRITE);
    if (map == MAP_FAILED) {
        failure_set(failure, EXIT_FAILED, "cannot map %llu MiB of shared memory (%s; lower --max-flows)",
                    (unsigned long long)(size >> 20), strerror(errno));
        goto fail;
    }
    segment->header = map;
    header_lay_out(segment->header, plan, size);
    if (fcntl(segment->fd, F_ADD_SEALS, seals) < 0) {
        failure_set(failure, EXIT_FAILED, "cannot seal shared memory (%s; Linux 5.1 or newer is needed)",
                    strerror(errno));
        munmap(map, size);
        goto fail;
    }
    return 0;
fail:
    close(segment->fd);
    segment->fd = -1;
    return -1;
}

void segment_destroy(struct segment *segment)
{
    if (!segment->header)
        return;
    munmap(segment->header, segment->header->segment_size);
    close(segment->fd);
    segment->header = NULL;
    segment->fd = -1;
}
