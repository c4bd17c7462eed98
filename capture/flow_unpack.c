/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_unpack.h"

#include <string.h>

void slot_unpack_key(const struct xtop_slot *slot, const struct xtop_rest *rest, struct xtop_key *key)
{
    memcpy(key->address[0], rest->address0, sizeof key->address[0]);
    memcpy(key->address[1], slot->address1, sizeof slot->address1);
    memcpy(key->address[1] + sizeof slot->address1, rest->address1, sizeof rest->address1);
    key->port[0] = slot->port[0];
    key->port[1] = slot->port[1];
    key->vlan = slot->vlan;
    key->protocol = slot->protocol;
    key->ip_version = slot->state & XTOP_SLOT_VERSION;
}

static void unpack_histogram(const struct xtop_rest_total *total, uint64_t pending, struct xtop_direction *direction)
{
    uint32_t last = (uint32_t)total->packets;

    for (uint32_t bin = 0; bin < XTOP_SIZE_BINS - 1; bin++) {
        direction->size_histogram[bin] = total->size_histogram[bin];
        last -= total->size_histogram[bin];
    }
    direction->size_histogram[XTOP_SIZE_BINS - 1] = last;
    for (uint32_t bin = 0; pending && bin < XTOP_PENDING_BINS; bin++)
        direction->size_histogram[bin] += pending_bin(pending, bin);
}

static void unpack_direction(const struct xtop_slot *slot, const struct xtop_rest *rest, uint32_t end,
                             struct xtop_direction *direction)
{
    const struct xtop_slot_side *side = &slot->side[end];
    const struct xtop_rest_total *total = &rest->total[end];
    uint64_t headers = total->header_bytes + pending_headers(side->pending);
    uint32_t unfragmented = side->flags >> XTOP_SLOT_DONT_FRAGMENT_AT & XTOP_IP_DONT_FRAGMENT;

    direction->packets = total->packets + pending_packets(side->pending);
    direction->zero_windows = total->zero_windows;
    direction->bytes = total->bytes + pending_bytes(side->pending);
    direction->payload_bytes = direction->bytes - headers;
    unpack_histogram(total, side->pending, direction);
    direction->tcp_flags = side->flags & XTOP_SLOT_TCP_FLAGS;
    direction->out_of_order = total->out_of_order;
    direction->ttl_min = side->ttl_min;
    direction->ttl_max = side->ttl_max;
    direction->dscp = (uint8_t)(side->flags >> XTOP_SLOT_DSCP_AT);
    direction->ip_flags = (uint8_t)(rest->ip_flags[end] | unfragmented);
}

void slot_unpack(const struct xtop_slot *slot, const struct xtop_rest *rest, struct xtop_record *record)
{
    record->sequence = slot->sequence;
    record->generation = rest->total[0].shared;
    slot_unpack_key(slot, rest, &record->key);
    for (uint32_t end = 0; end < 2; end++) {
        unpack_direction(slot, rest, end, &record->direction[end]);
        record->last_seen[end] = slot->side[end].last_seen;
        record->first_seen[end] = rest->total[end].first_seen;
        record->tcp_options[end] = rest->tcp_options[end];
        record->ipv4_options[end] = rest->ip_options[end]; /* or, in the same place, the extensions of IPv6 */
        record->tcp_next[end] = slot->side[end].tcp_next;
        record->retransmissions[end] = rest->retransmissions[end];
    }
    record->tunnel_id = rest->tunnel_id;
    record->rtt_us = rest->total[1].shared;
    record->initiator = rest->initiator;
    record->end_reason = XTOP_END_NONE;
    record->tcp_state = rest->tcp_state;
    record->seen = rest->seen;
    record->cut_along = 0;
    record->tunnel = rest->tunnel;
}
