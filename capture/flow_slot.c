/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_slot.h"

#include "capture/flow_merge.h"
#include "capture/flow_record.h"

/* ---- Packing ------------------------------------------------------------------------------------------------- */

static void pack_key(struct xtop_slot *slot, struct xtop_rest *rest, const struct xtop_key *key)
{
    memcpy(rest->address0, key->address[0], sizeof rest->address0);
    memcpy(slot->address1, key->address[1], sizeof slot->address1);
    memcpy(rest->address1, key->address[1] + sizeof slot->address1, sizeof rest->address1);
    slot->port[0] = key->port[0];
    slot->port[1] = key->port[1];
    slot->vlan = key->vlan;
    slot->protocol = key->protocol;
}

/*
 * A plain packet needs a direction that has begun, of TCP one whose next segment is known and whose state stays. `told`
 * is XTOP_SLOT_CLOSED where another queue told of the connection's end (flow_parts.h), else 0.
 */
static uint8_t packed_state(const struct xtop_record *record, uint32_t told)
{
    bool tcp = record->key.protocol == 6;
    uint32_t state = record->key.ip_version | told;

    if (record->tcp_state >= XTOP_TCP_CLOSED)
        state |= XTOP_SLOT_CLOSED;
    for (uint32_t end = 0; end < 2; end++) {
        bool known = record->tcp_state >= XTOP_TCP_ESTABLISHED && record->seen & RECORD_NEXT_KNOWN(end);

        if (record->direction[end].packets && (!tcp || known))
            state |= XTOP_SLOT_PLAIN(end);
        if ((record->tcp_options[end] & XTOP_TCP_STAMPED) == XTOP_TCP_STAMPED)
            state |= XTOP_SLOT_STAMPED(end);
    }
    return (uint8_t)state;
}

static void pack_direction(struct xtop_slot *slot, struct xtop_rest *rest, uint32_t end,
                           const struct xtop_direction *direction)
{
    struct xtop_slot_side *side = &slot->side[end];
    struct xtop_rest_total *total = &rest->total[end];
    uint32_t unfragmented = direction->ip_flags & XTOP_IP_DONT_FRAGMENT;

    side->pending = 0;
    side->flags = (uint16_t)(direction->tcp_flags | unfragmented << XTOP_SLOT_DONT_FRAGMENT_AT |
                             (uint32_t)direction->dscp << XTOP_SLOT_DSCP_AT);
    side->ttl_min = direction->ttl_min;
    side->ttl_max = direction->ttl_max;
    total->packets = direction->packets & ((UINT64_C(1) << 48) - 1);
    total->out_of_order = direction->out_of_order;
    total->bytes = direction->bytes;
    total->header_bytes = (direction->bytes - direction->payload_bytes) & ((UINT64_C(1) << 48) - 1);
    total->zero_windows = direction->zero_windows;
    memcpy(total->size_histogram, direction->size_histogram, sizeof total->size_histogram);
    rest->ip_flags[end] = direction->ip_flags & (uint8_t)~XTOP_IP_DONT_FRAGMENT;
}

/* What a packet of `end` may change of it. */
static void pack_end(struct xtop_slot *slot, struct xtop_rest *rest, uint32_t end, const struct xtop_record *record)
{
    pack_direction(slot, rest, end, &record->direction[end]);
    slot->side[end].last_seen = record->last_seen[end];
    slot->side[end].tcp_next = record->tcp_next[end];
    rest->total[end].first_seen = record->first_seen[end];
    rest->tcp_options[end] = record->tcp_options[end];
    rest->ip_options[end] = record->ipv4_options[end];
    rest->retransmissions[end] = record->retransmissions[end];
}

/* What a packet of either end may change. */
static void pack_both(struct xtop_slot *slot, struct xtop_rest *rest, const struct xtop_record *record, uint32_t told)
{
    rest->total[1].shared = record->rtt_us;
    rest->initiator = record->initiator;
    rest->tcp_state = record->tcp_state & 7;
    rest->seen = record->seen & 31;
    __atomic_store_n(&slot->state, packed_state(record, told), __ATOMIC_RELAXED);
}

/* Everything but the sequence. */
static void slot_pack(struct xtop_slot *slot, struct xtop_rest *rest, const struct xtop_record *record, uint32_t told)
{
    pack_key(slot, rest, &record->key);
    pack_end(slot, rest, 0, record);
    pack_end(slot, rest, 1, record);
    rest->total[0].shared = record->generation;
    rest->tunnel_id = record->tunnel_id;
    rest->tunnel = record->tunnel & 127;
    pack_both(slot, rest, record, told);
}

static void slot_replace(struct xtop_slot *slot, struct xtop_rest *rest, const struct xtop_record *record,
                         uint32_t told)
{
    sequence_write_begin(&slot->sequence);
    slot_pack(slot, rest, record, told);
    sequence_write_end(&slot->sequence);
}

/* ---- The life of a flow -------------------------------------------------------------------------------------- */

static void record_begin(struct xtop_record *record, const struct xtop_rest *rest, const struct packet *packet)
{
    record_start(record, packet);
    record->generation = rest->total[0].shared + 1;
}

void slot_start(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet)
{
    struct xtop_record record;

    record_begin(&record, rest, packet);
    slot_replace(slot, rest, &record, 0);
}

void slot_start_counted(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet, uint64_t time)
{
    struct xtop_record record;

    record_begin(&record, rest, packet);
    record_update(&record, packet, time);
    slot_replace(slot, rest, &record, 0);
}

void slot_free(struct xtop_slot *slot, struct xtop_rest *rest)
{
    sequence_write_begin(&slot->sequence);
    rest->total[0].shared++;
    __atomic_store_n(&slot->state, 0, __ATOMIC_RELAXED);
    sequence_write_end(&slot->sequence);
}

/* What was told of the connection's end; with a SYN another one begins, of which it was not told. */
static uint32_t slot_told(const struct xtop_slot *slot, uint16_t tcp_flags)
{
    return tcp_flags & PACKET_TCP_SYN ? 0 : slot->state & XTOP_SLOT_CLOSED;
}

void slot_update(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet, uint64_t time)
{
    struct xtop_record record;

    slot_unpack(slot, rest, &record);
    record_update(&record, packet, time);
    sequence_write_begin(&slot->sequence);
    pack_end(slot, rest, packet->direction & 1, &record);
    pack_both(slot, rest, &record, slot_told(slot, packet->tcp_flags));
    sequence_write_end(&slot->sequence);
}

/* record_update's rules for what comes late or again. */
uint64_t slot_count_behind(struct xtop_slot *slot, struct xtop_rest *rest, const struct packet *packet, uint64_t time)
{
    uint32_t end = packet->direction;
    struct xtop_slot_side *side = &slot->side[end];
    uint32_t behind = side->tcp_next - packet->tcp_sequence;
    bool further = (int32_t)(packet->payload_bytes - behind) > 0;
    uint64_t pending;

    if ((packet->allows | slot->state) != 0xff)
        return 0;
    sequence_write_begin(&slot->sequence);
    if (!record_older(side->last_seen, time, RECORD_REORDER_WINDOW))
        rest->total[end].out_of_order += rest->total[end].out_of_order != UINT16_MAX;
    else
        rest->retransmissions[end] =
            (uint16_t)(rest->retransmissions[end] + (rest->retransmissions[end] != UINT16_MAX));
    pending = slot_add(side, packet, time, further ? packet->tcp_sequence + packet->payload_bytes : side->tcp_next);
    sequence_write_end(&slot->sequence);
    return pending;
}

void slot_merge(struct xtop_slot *slot, struct xtop_rest *rest, uint32_t from, const struct flow_sum *sum,
                uint64_t clock_base)
{
    struct xtop_record record;

    slot_unpack(slot, rest, &record);
    record_merge(&record, from, sum, clock_base);
    slot_replace(slot, rest, &record, slot_told(slot, sum->tcp_flags));
}

void slot_settle(struct xtop_slot *slot, struct xtop_rest *rest, uint32_t end)
{
    struct xtop_rest_total *total = &rest->total[end];
    uint64_t pending = slot->side[end].pending;

    sequence_write_begin(&slot->sequence);
    total->packets += pending_packets(pending);
    total->bytes += pending_bytes(pending);
    total->header_bytes += pending_headers(pending);
    for (uint32_t bin = 0; bin < XTOP_PENDING_BINS; bin++)
        total->size_histogram[bin] += pending_bin(pending, bin);
    slot->side[end].pending = 0;
    sequence_write_end(&slot->sequence);
}
