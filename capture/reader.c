/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching, the counters, the ended flows. What looks at live flows is in reader_look.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/reader.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "capture/monotonic_clock.h"
#include "capture/reader_activity.h"
#include "capture/reader_expected.h"
#include "capture/reader_reunion.h"
#include "capture/reader_state.h"
#include "capture/reader_sums.h"
#include "capture/segment_map.h"
#include "capture/sequence_lock.h"

/* A writer that runs is out of a record within nanoseconds; one that lost its CPU in the middle comes back in ms. */
#define COPY_SPINS 1000
#define COPY_PAUSE_NS 100000
#define COPY_PAUSES 10000

/* The first sizes tell a foreign header from ours before anything else of it is believed. */
static int header_check(const struct xtop_header *header, uint64_t size, char *error, size_t error_size)
{
    if (size < XTOP_HEADER_SIZE || header->magic != XTOP_MAGIC) {
        snprintf(error, error_size, "this is no xtop segment");
        return -1;
    }
    if (header->layout_version != XTOP_LAYOUT_VERSION) {
        snprintf(error, error_size,
                 "the capture uses segment layout %u and this xtop reads layout %u (use the same version of both)",
                 header->layout_version, XTOP_LAYOUT_VERSION);
        return -1;
    }
    if (header->segment_size > size || header->record_size != sizeof(struct xtop_record) ||
        header->queue_size != sizeof(struct xtop_queue) || header->shard_size != sizeof(struct xtop_shard) ||
        header->queue_count > XTOP_MAX_QUEUES || header->link_count > XTOP_MAX_LINKS) {
        snprintf(error, error_size, "the segment contradicts itself (it is damaged)");
        return -1;
    }
    return 0;
}

struct reader *reader_open(int fd, char *error, size_t error_size)
{
    struct reader *reader;
    struct stat status;
    void *map;

    if (fstat(fd, &status) < 0 || status.st_size < XTOP_HEADER_SIZE) {
        snprintf(error, error_size, "this is no xtop segment");
        return NULL;
    }
    map = segment_map(fd, (uint64_t)status.st_size, PROT_READ);
    if (map == MAP_FAILED) {
        snprintf(error, error_size, "cannot map the segment (%s)", strerror(errno));
        return NULL;
    }
    reader = header_check(map, (uint64_t)status.st_size, error, error_size) < 0 ? NULL : calloc(1, sizeof *reader);
    if (!reader) {
        munmap(map, (size_t)status.st_size);
        return NULL;
    }
    reader->header = map;
    reader->size = (uint64_t)status.st_size;
    reader->opened_at = monotonic_now();
    reader->reunion = reader->header->queue_count > 1 ? reunion_open() : NULL;
    if (reader->reunion || reader->header->queue_count <= 1)
        return reader;
    snprintf(error, error_size, "there is no memory for ended flows");
    reader_close(reader);
    return NULL;
}

void reader_close(struct reader *reader)
{
    for (uint32_t i = 0; i < XTOP_MAX_QUEUES; i++)
        reader_previous_free(reader, i);
    expected_close(reader->expected);
    free(reader->ended);
    reunion_close(reader->reunion);
    reader_activity_free(reader->activity);
    group_store_free(&reader->groups);
    group_sums_close(reader->sums);
    free(reader->judge);
    munmap((void *)(uintptr_t)reader->header, reader->size);
    free(reader);
}

const struct xtop_header *reader_header(const struct reader *reader)
{
    return reader->header;
}

static void copy_both(const struct locked *locked, void *to, void *rest_to)
{
    memcpy(to, locked->from, locked->size);
    if (locked->rest_size)
        memcpy(rest_to, locked->rest, locked->rest_size);
}

/* One try. False when the writer was at it. */
static bool copy_whole(const struct locked *locked, void *to, void *rest_to)
{
    const uint32_t *sequence = locked->from;
    uint32_t before = sequence_read_begin(sequence);

    if (before & 1)
        return false;
    copy_both(locked, to, rest_to);
    return sequence_read_stands(sequence, before);
}

void reader_copy_locked(const struct reader *reader, const struct locked *locked, void *to, void *rest_to)
{
    const struct timespec pause = {.tv_nsec = COPY_PAUSE_NS};

    for (int i = 0; i < COPY_SPINS; i++)
        if (copy_whole(locked, to, rest_to))
            return;
    for (int i = 0; i < COPY_PAUSES && !reader->over; i++) {
        nanosleep(&pause, NULL);
        if (copy_whole(locked, to, rest_to))
            return;
    }
    copy_both(locked, to, rest_to);
}

/* What mostly happens: nobody writes, and the record is unpacked where it lies, without a copy between. */
static bool unpack_whole(const struct xtop_slot *slot, const struct xtop_rest *rest, struct xtop_record *record)
{
    uint32_t before = sequence_read_begin(&slot->sequence);

    if (before & 1)
        return false;
    slot_unpack(slot, rest, record);
    return sequence_read_stands(&slot->sequence, before);
}

bool reader_copy_record(const struct reader *reader, struct reader_place place, struct xtop_record *record)
{
    const struct locked locked = {reader_slot_at(reader, place), reader_rest_at(reader, place),
                                  sizeof(struct xtop_slot), sizeof(struct xtop_rest)};
    struct xtop_slot slot;
    struct xtop_rest rest;

    if (!reader_place_live(reader, place))
        return false;
    if (!unpack_whole(locked.from, locked.rest, record)) {
        reader_copy_locked(reader, &locked, &slot, &rest);
        if (!slot_is_live(&slot))
            return false;
        slot_unpack(&slot, &rest, record);
    }
    record->link = reader_queue_link(reader, place.queue);
    return record->key.ip_version != 0;
}

bool reader_copy_key(const struct reader *reader, struct reader_place place, struct xtop_key *key, uint32_t *generation)
{
    const struct xtop_slot *slot = reader_slot_at(reader, place);
    const struct xtop_rest *rest = reader_rest_at(reader, place);
    uint32_t before = sequence_read_begin(&slot->sequence);
    struct xtop_record record;

    slot_unpack_key(slot, rest, key);
    *generation = rest->total[0].shared;
    if (sequence_read_stands(&slot->sequence, before) && !(before & 1))
        return key->ip_version != 0;
    if (!reader_copy_record(reader, place, &record))
        return false;
    *key = record.key;
    *generation = record.generation;
    return true;
}

int reader_queue(const struct reader *reader, uint32_t number, struct xtop_queue *queue)
{
    if (number >= reader->header->queue_count)
        return -1;
    reader_copy_locked(reader, &(struct locked){.from = reader_queue_at(reader, number), .size = sizeof *queue}, queue,
                       NULL);
    return 0;
}

/* How many records the store may hold before the oldest go: moving an eighth at a time costs each record eight copies. */
static uint64_t store_most(uint64_t keep)
{
    return keep ? keep + keep / 8 + 1 : UINT64_MAX;
}

/* Makes room for one more ended flow: of a full store the oldest go, or all of them, counted. False: no memory. */
static bool store_reserve(struct reader *reader, uint64_t keep)
{
    uint64_t most = store_most(keep);
    struct xtop_record *grown;
    uint64_t room;

    if (reader->ended_count >= most) {
        memmove(reader->ended, reader->ended + reader->ended_count - keep, keep * sizeof *reader->ended);
        reader->ended_count = keep;
    }
    if (reader->ended_count < reader->ended_room)
        return true;
    if (reader->expected && reader->ended_room)
        return expected_settle(reader->expected);
    room = reader->ended_room ? reader->ended_room * 2 : 1024;
    room = room < most ? room : most;
    grown = realloc(reader->ended, room * sizeof *grown);
    if (!grown)
        return false;
    reader->ended = grown;
    reader->ended_room = room;
    return true;
}

uint64_t reader_ended_head(const struct reader *reader, uint32_t queue)
{
    return __atomic_load_n(&reader_shard_at(reader, queue)->ended_head, __ATOMIC_ACQUIRE);
}

bool reader_ended_next(struct reader *reader, uint32_t queue, struct xtop_record *to)
{
    const struct xtop_shard *shard = reader_shard_at(reader, queue);
    const struct xtop_record *ring =
        (const struct xtop_record *)((uintptr_t)reader->header + (uint64_t)shard->ended_offset);
    uint64_t *cursor = &reader->cursor[queue];
    uint64_t reserved;

    *to = ring[*cursor & (shard->ended_capacity - 1)];
    atomic_thread_fence(memory_order_acquire);
    reserved = __atomic_load_n(&shard->ended_reserved, __ATOMIC_RELAXED);
    if (reserved - *cursor <= shard->ended_capacity) {
        (*cursor)++;
        reader_bytes_keep(to, shard, queue);
        to->link = reader_queue_link(reader, queue);
        return true;
    }
    reader->ended_lost += reserved - shard->ended_capacity - *cursor;
    *cursor = reserved - shard->ended_capacity;
    return false;
}

/* Of a capture with one queue. */
static int64_t collect_queue(struct reader *reader, uint64_t keep)
{
    uint64_t head =
        reader_ended_head(reader, 0); /* what comes after that is for the next time, or we might never end */
    int64_t taken = 0;

    while (reader->cursor[0] < head) {
        if (!store_reserve(reader, keep))
            return -1;
        if (!reader_ended_next(reader, 0, &reader->ended[reader->ended_count]))
            continue;
        reader->ended_count++;
        taken++;
    }
    return taken;
}

static bool all_taken(const struct reader *reader, const uint64_t head[XTOP_MAX_QUEUES])
{
    for (uint32_t i = 0; i < reader->header->queue_count; i++)
        if (reader->cursor[i] < head[i])
            return false;
    return true;
}

/* Of several: flows come out of the reunion whole. */
static int64_t collect_whole(struct reader *reader, uint64_t keep)
{
    uint64_t head[XTOP_MAX_QUEUES] = {0};
    int64_t taken = 0;
    uint64_t room, more;

    for (uint32_t i = 0; i < reader->header->queue_count; i++)
        head[i] = reader_ended_head(reader, i);
    do {
        if (!store_reserve(reader, keep))
            return -1;
        room = reader->ended_room - reader->ended_count;
        more = reunion_take(reader, &reader->ended[reader->ended_count], room);
        reader->ended_count += more;
        taken += (int64_t)more;
    } while (more == room || !all_taken(reader, head));
    return taken;
}

int64_t reader_collect(struct reader *reader, uint64_t keep)
{
    int64_t taken = 0;

    if (reader->reunion)
        taken = collect_whole(reader, keep);
    else if (reader->header->queue_count)
        taken = collect_queue(reader, keep);
    if (reader->expected && !expected_settle(reader->expected))
        return -1;
    return taken;
}

uint64_t reader_take_ended(struct reader *reader, struct xtop_record *to, uint64_t room)
{
    uint64_t taken = 0;

    if (reader->reunion)
        return reunion_take(reader, to, room);
    while (reader->header->queue_count && taken < room && reader->cursor[0] < reader_ended_head(reader, 0))
        taken += reader_ended_next(reader, 0, &to[taken]);
    return taken;
}

uint64_t reader_ended_cursor(const struct reader *reader, uint32_t number)
{
    return number < XTOP_MAX_QUEUES ? reader->cursor[number] : 0;
}

uint64_t reader_ended_lost(const struct reader *reader)
{
    return reader->ended_lost;
}
