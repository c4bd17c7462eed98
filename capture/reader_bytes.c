/* SPDX-License-Identifier: BSD-2-Clause */
/* Payload bytes by value: whose histogram is whose, copies of them, and what they amount to. */
#include <math.h>
#include <string.h>

#include "capture/reader_state.h"

#define PLACE_BITS 20 /* of an ended record's `sequence`: the histogram's number below, the queue above */

static const struct xtop_byte_histogram *pool_of(const struct reader *reader, uint32_t queue)
{
    uint64_t offset = reader_shard_at(reader, queue)->byte_histograms_offset;

    return (const struct xtop_byte_histogram *)((uintptr_t)reader->header + offset);
}

static bool in_pool(const struct reader *reader, uint32_t queue, uint32_t id)
{
    return queue < reader->header->queue_count && id > 0 &&
           id <= reader_shard_at(reader, queue)->byte_histogram_capacity;
}

/* Where a histogram lies, and as whose. */
struct bytes_place {
    uint32_t queue;
    uint32_t id;
    uint32_t generation;
};

/* Each direction's packets come through one queue, so its bytes are those of the half that has seen it. */
static void row_hold(struct reader_row *row, const struct xtop_record *record, int end, struct bytes_place place)
{
    if (record->direction[end].payload_bytes == 0)
        return;
    row->histogram[end] = place.id;
    row->histogram_generation[end] = place.generation;
    row->histogram_queue[end] = (uint16_t)place.queue;
}

void reader_bytes_live(const struct reader *reader, struct reader_place place, const struct xtop_record *record,
                       struct reader_row *row)
{
    const struct xtop_shard *shard = reader_shard_at(reader, place.queue);
    const uint32_t *of_slot;
    uint32_t id, generation;

    if (shard->byte_histogram_capacity == 0)
        return;
    of_slot = (const uint32_t *)((uintptr_t)reader->header + (uint64_t)shard->byte_histogram_of_offset);
    id = __atomic_load_n(&of_slot[place.slot], __ATOMIC_ACQUIRE);
    if (!in_pool(reader, place.queue, id))
        return;
    generation = __atomic_load_n(&pool_of(reader, place.queue)[id].generation, __ATOMIC_ACQUIRE);
    /* If the slot is another flow's by now, so may the histogram be. */
    if (__atomic_load_n(&reader_rest_at(reader, place)->total[0].shared, __ATOMIC_ACQUIRE) == record->generation)
        for (int end = 0; end < 2; end++)
            row_hold(row, record, end, (struct bytes_place){place.queue, id, generation});
}

/* In a record that was taken out of a ring: where the bytes of end 0 and of end 1 are counted, and as whose. */
static uint32_t *ended_place(struct xtop_record *ended, int end)
{
    return end ? &ended->tcp_next[0] : &ended->sequence;
}

static uint32_t *ended_generation(struct xtop_record *ended, int end)
{
    return end ? &ended->tcp_next[1] : &ended->generation;
}

void reader_bytes_keep(struct xtop_record *ended, const struct xtop_shard *shard, uint32_t queue)
{
    ended->sequence = shard->byte_histogram_capacity ? ended->sequence | queue << PLACE_BITS : 0;
    *ended_place(ended, 1) = ended->sequence;
    *ended_generation(ended, 1) = ended->generation;
}

void reader_bytes_join(struct xtop_record *ended, struct xtop_record *other)
{
    for (int end = 0; end < 2; end++) {
        if (other->direction[end].payload_bytes == 0)
            continue;
        *ended_place(ended, end) = *ended_place(other, end);
        *ended_generation(ended, end) = *ended_generation(other, end);
    }
}

void reader_bytes_complete(const struct reader *reader, struct reader_row *row, struct xtop_record *ended)
{
    for (int end = 0; end < 2; end++) {
        uint32_t id = *ended_place(ended, end) & ((1u << PLACE_BITS) - 1);
        uint32_t queue = *ended_place(ended, end) >> PLACE_BITS;

        if (in_pool(reader, queue, id))
            row_hold(row, ended, end, (struct bytes_place){queue, id, *ended_generation(ended, end)});
    }
}

void reader_bytes_ended(const struct reader *reader, struct reader_row *row)
{
    reader_bytes_complete(reader, row, &row->record);
}

int reader_counts_bytes(const struct reader *reader)
{
    return reader->header->queue_count > 0 && reader_shard_at(reader, 0)->byte_histogram_capacity > 0;
}

int reader_row_bytes(const struct reader *reader, const struct reader_row *row, uint32_t end,
                     uint64_t count[XTOP_BYTE_VALUES])
{
    struct locked locked = {.size = sizeof(struct xtop_byte_histogram)};
    struct xtop_byte_histogram histogram;
    uint32_t queue = row->histogram_queue[end];

    memset(count, 0, sizeof histogram.count[end]);
    if (row->record.direction[end].payload_bytes == 0)
        return 0;
    if (!in_pool(reader, queue, row->histogram[end]))
        return -1;
    locked.from = &pool_of(reader, queue)[row->histogram[end]];
    reader_copy_locked(reader, &locked, &histogram, NULL);
    if (histogram.generation != row->histogram_generation[end])
        return -1;
    memcpy(count, histogram.count[end], sizeof histogram.count[end]);
    return 0;
}

/* Shannon's, in bits a byte; READER_NO_ENTROPY where there is no byte. */
static double entropy_of(const uint64_t count[XTOP_BYTE_VALUES])
{
    double total = 0, sum = 0;

    for (int value = 0; value < XTOP_BYTE_VALUES; value++) {
        total += (double)count[value];
        sum += count[value] ? (double)count[value] * log2((double)count[value]) : 0;
    }
    return total > 0 ? log2(total) - sum / total : READER_NO_ENTROPY;
}

void reader_row_entropy(const struct reader *reader, const struct reader_row *row, double entropy[3])
{
    uint64_t count[2][XTOP_BYTE_VALUES];
    bool known = true;

    for (uint32_t end = 0; end < 2; end++) {
        bool there = reader_row_bytes(reader, row, end, count[end]) == 0;

        entropy[end] = there ? entropy_of(count[end]) : READER_NO_ENTROPY;
        known = known && there;
    }
    for (int value = 0; value < XTOP_BYTE_VALUES; value++)
        count[0][value] += count[1][value];
    entropy[2] = known ? entropy_of(count[0]) : READER_NO_ENTROPY;
}
