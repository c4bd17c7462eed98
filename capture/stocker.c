/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/stocker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/priority.h"
#include "capture/segment.h"
#include "capture/segment_present.h"

/* Before ordinary programs, since it must keep ahead of the workers; behind the workers, whose CPUs it may share. */
#define STOCKER_NICE (-5)

/* Windows at a time: each call of MADV_COLLAPSE first waits for every CPU to flush its lists of pages. */
#define STEP (8 * SEGMENT_WINDOW)

/* The largest index that is made present as a whole; of a larger one the pages come as flows hit them. */
#define INDEX_MAX (UINT64_C(32) << 20)

/* Flows of a shard that there must be memory for now. */
static uint64_t shard_wanted(const struct stocker *stocker, const struct xtop_shard *shard, uint32_t used)
{
    uint64_t flows = (uint64_t)used + stocker->ahead;

    return flows < shard->record_capacity ? flows : shard->record_capacity;
}

/* Makes one step more present of what is to be up to `wanted`. True when there was one to make. */
static bool array_stock(const struct stocker *stocker, uint64_t *present, uint64_t wanted)
{
    uint64_t to = *present + STEP < wanted ? *present + STEP : wanted;

    if (*present >= wanted)
        return false;
    segment_present(stocker->header, *present, to);
    *present = (to + SEGMENT_WINDOW - 1) & ~(SEGMENT_WINDOW - 1);
    return true;
}

/* Flows hit an index everywhere: whether all of it is worth being present. */
static bool index_wanted(const struct stocker *stocker, const struct xtop_shard *shard, uint32_t used)
{
    if (shard->bucket_count * sizeof(struct xtop_bucket) > INDEX_MAX)
        return false;
    if (stocker->ahead == STOCKER_NONE)
        return used >= shard->record_capacity / 8;
    return used > 0 || stocker->header->queue_count == 1;
}

/* One step for one shard. True while there is more to do for it. */
static bool shard_stock(struct stocker *stocker, uint32_t number)
{
    const struct xtop_shard *shard = segment_shard(stocker->header, number);
    uint32_t used = __atomic_load_n(&shard->records_used, __ATOMIC_RELAXED);
    uint64_t index = shard->bucket_count * sizeof(struct xtop_bucket);
    uint64_t items = shard_wanted(stocker, shard, used) + 1;

    if (items == 1)
        return false;
    if (array_stock(stocker, &stocker->slots[number], shard->slots_offset + items * sizeof(struct xtop_slot)) ||
        array_stock(stocker, &stocker->rests[number], shard->rests_offset + items * sizeof(struct xtop_rest)))
        return true;
    if (stocker->indexed[number] || !index_wanted(stocker, shard, used))
        return false;
    stocker->indexed[number] = true;
    segment_present(stocker->header, shard->index_offset, shard->index_offset + index);
    return true;
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

    pthread_setname_np(pthread_self(), "xtop-stocker");
    (void)priority_set_real_time(false); /* which it has from the main thread */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), STOCKER_NICE);
    sem_post(&stocker->settled);
    while (!atomic_load_explicit(&stocker->stop, memory_order_relaxed)) {
        if (eventfd_read(stocker->wake_fd, &value) < 0 && errno != EINTR)
            break;
        stock_all(stocker);
    }
    return NULL;
}

void stocker_stock(struct stocker *stocker, struct xtop_header *header, uint32_t flows)
{
    memset(stocker, 0, sizeof *stocker);
    stocker->header = header;
    stocker->ahead = flows / header->queue_count;
    for (uint32_t i = 0; i < header->queue_count; i++) {
        stocker->slots[i] = segment_shard(header, i)->slots_offset & ~(SEGMENT_WINDOW - 1);
        stocker->rests[i] = segment_shard(header, i)->rests_offset & ~(SEGMENT_WINDOW - 1);
    }
    stock_all(stocker);
}

int stocker_start(struct stocker *stocker)
{
    int error;

    stocker->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (stocker->wake_fd < 0)
        return errno;
    sem_init(&stocker->settled, 0, 0);
    error = pthread_create(&stocker->thread, NULL, stocker_run, stocker);
    if (error) {
        close(stocker->wake_fd);
        stocker->wake_fd = -1;
        return error;
    }
    while (sem_wait(&stocker->settled) < 0)
        ;
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
