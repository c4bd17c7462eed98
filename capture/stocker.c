/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/stocker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/segment.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Before ordinary programs, since it must keep ahead of the workers; behind the workers, whose CPUs it may share. */
#define STOCKER_NICE (-5)

#define PAGE UINT64_C(4096)
#define STEP 256 /* records at a time: 64 KiB */

/* The largest index that is made present as a whole; of a larger one the pages come as flows hit them. */
#define INDEX_MAX (UINT64_C(32) << 20)

static bool populate(const struct stocker *stocker, uint64_t from, uint64_t to)
{
    uint8_t *base = (uint8_t *)stocker->header;

    from &= ~(PAGE - 1);
    to = (to + PAGE - 1) & ~(PAGE - 1);
    return madvise(base + from, to - from, MADV_POPULATE_WRITE) == 0;
}

/* One step for one shard. True while there is more to do for it. */
static bool shard_stock(struct stocker *stocker, uint32_t number)
{
    const struct xtop_shard *shard = segment_shard(stocker->header, number);
    uint32_t used = __atomic_load_n(&shard->records_used, __ATOMIC_RELAXED);
    uint32_t present = stocker->stocked[number];
    uint64_t index = shard->bucket_count * sizeof(struct xtop_bucket);
    uint64_t wanted = (uint64_t)used + stocker->ahead;
    uint64_t from, to;

    if (wanted > shard->record_capacity)
        wanted = shard->record_capacity;
    if (present < wanted) {
        present = present < used ? used : present;
        from = shard->records_offset + present * sizeof(struct xtop_record);
        to = shard->records_offset + (present + UINT64_C(1) + STEP) * sizeof(struct xtop_record);
        if (to > shard->records_offset + (shard->record_capacity + UINT64_C(1)) * sizeof(struct xtop_record))
            to = shard->records_offset + (shard->record_capacity + UINT64_C(1)) * sizeof(struct xtop_record);
        stocker->stocked[number] = present + STEP;
        return populate(stocker, from, to);
    }
    /* Flows hit the index everywhere: a shard that has traffic, or has it all, gets it whole. */
    if (stocker->indexed[number] || index > INDEX_MAX || (used == 0 && stocker->header->queue_count > 1))
        return false;
    stocker->indexed[number] = true;
    return populate(stocker, shard->index_offset, shard->index_offset + index);
}

static void stock_all(struct stocker *stocker)
{
    for (uint32_t i = 0; i < stocker->header->queue_count; i++)
        while (!atomic_load_explicit(&stocker->stop, memory_order_relaxed) && shard_stock(stocker, i))
            ;
}

static void *stocker_run(void *argument)
{
    struct stocker *stocker = argument;
    eventfd_t value;

    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), STOCKER_NICE);
    while (!atomic_load_explicit(&stocker->stop, memory_order_relaxed)) {
        if (eventfd_read(stocker->wake_fd, &value) < 0 && errno != EINTR)
            break;
        stock_all(stocker);
    }
    return NULL;
}

int stocker_start(struct stocker *stocker, struct xtop_header *header)
{
    int error;

    memset(stocker, 0, sizeof *stocker);
    stocker->header = header;
    stocker->ahead = STOCKER_FLOWS / header->queue_count;
    stocker->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (stocker->wake_fd < 0)
        return errno;
    stock_all(stocker);
    error = pthread_create(&stocker->thread, NULL, stocker_run, stocker);
    if (error) {
        close(stocker->wake_fd);
        stocker->wake_fd = -1;
        return error;
    }
    pthread_setname_np(stocker->thread, "xtop-stocker");
    stocker->running = true;
    return 0;
}

void stocker_stop(struct stocker *stocker)
{
    if (!stocker->running)
        return;
    stocker->running = false;
    atomic_store(&stocker->stop, true);
    eventfd_write(stocker->wake_fd, 1);
    pthread_join(stocker->thread, NULL);
    close(stocker->wake_fd);
}
