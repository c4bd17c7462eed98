/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a live flow is kept: struct xtop_slot and struct xtop_rest of flow_abi.h.
 *
 * DESIGN
 *   Nearly every packet is plain: nothing of it is new to its flow but that it came. Such a packet is added to the slot
 *   alone, in a few instructions (slot_count); a TCP segment that comes late or again to the slot and a line of the rest
 *   (slot_count_behind). Of whatever else comes, a first packet, a SYN, an option, the whole record is unpacked,
 *   record_update does to it what flow_record.h says, and what it may have changed is packed again: there is one meaning
 *   of a packet and three ways to it (tests/native/test_flow_slot.c holds them against each other).
 *
 *   What plain packets leave in `pending` is moved to the totals when one of its fields is half full; the caller keeps
 *   the slots that are due and fetches their totals' lines meanwhile.
 */
#ifndef XTOP_FLOW_SLOT_H
#define XTOP_FLOW_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bpf/flow_sum.h"
#include "capture/flow_abi.h"
#include "capture/flow_unpack.h"
#include "capture/parse.h"
#include "capture/sequence_lock.h"

/* The highest bit of each field of `pending`. */
#define SLOT_PENDING_DUE                                                                                \
    (UINT64_C(1) << 6 | UINT64_C(1) << 12 | UINT64_C(1) << 17 | UINT64_C(1) << 21 | UINT64_C(1) << 25 | \
     UINT64_C(1) << 32 | UINT64_C(1) << (XTOP_PENDING_BYTES_AT + XTOP_PENDING_BYTES_BITS - 1) |         \
     UINT64_C(1) << (XTOP_PENDING_HEADERS_AT + XTOP_PENDING_HEADERS_BITS - 1))

/* Whether a live slot of the same hash holds `key`; why the slot is enough for IPv4 is said at struct xtop_slot. */
static inline bool slot_holds(const struct xtop_slot *slot, const struct xtop_rest *rest, const struct xtop_key *key)
{
    const uint64_t wanted = UINT64_C(0x00ffffffffffffff) | (uint64_t)(XTOP_SLOT_VERSION | XTOP_SLOT_ENDING) << 56;
    uint64_t word[2];
    uint32_t address[2];

    memcpy(&word[0], slot->port, sizeof word[0]);
    memcpy(&word[1], key->port, sizeof word[1]);
    memcpy(&address[0], slot->address1, sizeof address[0]);
    memcpy(&address[1], key->address[1], sizeof address[1]);
    if (((word[0] ^ word[1]) & wanted) | (address[0] ^ address[1]))
        return false;
    return key->ip_version == 4 || (memcmp(rest->address0, key->address[0], sizeof rest->address0) == 0 &&
                                    memcmp(rest->address1, key->address[1] + 4, sizeof rest->address1) == 0);
}

/*
 * Asks for the three lines of a flow's rest, which are going to be written. By force inline: calls of a function that only
 * prefetches are of no effect to gcc 12, which leaves them out.
 */
static inline __attribute__((always_inline)) void slot_fetch_rest(const struct xtop_rest *rest)
{
    __builtin_prefetch(&rest->total[0], 1, 3);
    __builtin_prefetch(&rest->total[1], 1, 3);
    __builtin_prefetch(rest->address0, 1, 3);
}

/* Makes a free slot the flow of its first packet, which slot_update then counts. */
void slot_start(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet);

/* Both at once. */
void slot_start_counted(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet, uint64_t time);

/* Marks the slot free. */
void slot_free(struct xtop_slot *slot, struct xtop_rest *rest);

/* Counts one packet of the flow, whatever it is. */
void slot_update(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet, uint64_t time);

/* record_merge of flow_merge.h on a slot. */
void slot_merge(struct xtop_slot *slot, struct xtop_rest *rest, uint32_t from, const struct flow_sum *sum,
                uint64_t clock_base);

/* Moves what of `end` is pending to the totals. */
void slot_settle(struct xtop_slot *slot, struct xtop_rest *rest, uint32_t end);

/*
 * True when the segment says nothing but how far its sender has come: it is the next one, or holds no data. *next is
 * then what is expected after it. (record_update's rules for retransmissions, the cases that count nothing.)
 */
static inline bool slot_sequence_plain(const struct packet *packet, uint32_t *next)
{
    uint32_t behind = *next - packet->tcp_sequence;

    if ((int32_t)behind <= 0) {
        if (packet->payload_bytes)
            *next = packet->tcp_sequence + packet->payload_bytes;
        return true;
    }
    return packet->payload_bytes == 0 || (behind == 1 && packet->payload_bytes == 1);
}

/* Adds a plain packet, after which its sender's `next` is expected, under the slot's lock. Returns what is pending then. */
static inline uint64_t slot_add(struct xtop_slot_side *side, const struct packet *packet, uint64_t time, uint32_t next)
{
    uint64_t pending = side->pending + packet->pending;

    side->pending = pending;
    side->last_seen = time > side->last_seen ? time : side->last_seen;
    side->tcp_next = next;
    side->flags = (uint16_t)((side->flags & ((1u << XTOP_SLOT_DSCP_AT) - 1)) | packet->flags);
    if (packet->ttl < side->ttl_min)
        side->ttl_min = packet->ttl;
    if (packet->ttl > side->ttl_max)
        side->ttl_max = packet->ttl;
    return pending;
}

/*
 * Counts one packet if it is plain, and returns what is pending of its end then, which is never 0. 0: slot_update must.
 * Whether a packet is later than the one before is as good as random, so no branch hangs on it.
 */
static inline uint64_t slot_count(struct xtop_slot *slot, const struct packet *packet, uint64_t time)
{
    uint32_t next = slot->side[packet->direction].tcp_next;
    uint64_t pending;
    uint32_t odd;

    if ((packet->allows | slot->state) != 0xff || (packet->tcp_seen && !slot_sequence_plain(packet, &next)))
        return 0;
    odd = sequence_write_begin(&slot->sequence);
    pending = slot_add(&slot->side[packet->direction], packet, time, next);
    sequence_write_close(&slot->sequence, odd);
    return pending;
}

/*
 * The same of a TCP segment that is plain but for coming late or again, where slot_count has returned 0: a sixth of all
 * packets in some captures. Touches a line of the rest.
 */
uint64_t slot_count_behind(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet, uint64_t time);

/*
 * Fields of a side's `pending` that are half full. 0 = there is room; else for one more packet, as packet_plain leaves
 * all alone that would fill more than a quarter.
 */
static inline uint64_t slot_due(uint64_t pending)
{
    return pending & SLOT_PENDING_DUE;
}

#endif
