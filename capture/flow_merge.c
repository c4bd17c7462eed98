/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_merge.h"

#include "capture/flow_record.h"

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04 };

/* SYN without ACK. One that comes again before the handshake is over was sent again. */
static void merge_open(struct xtop_record *record, uint32_t from, const struct flow_sum *sum)
{
    uint32_t again = sum->opens - 1u;

    if (record->tcp_state >= XTOP_TCP_CLOSED) {
        record->seen &= XTOP_SEEN_OPENED;
        record->tcp_state = XTOP_TCP_NONE;
    } else if (record->tcp_state == XTOP_TCP_SYN && record->initiator == from) {
        again++;
    }
    if (record->tcp_state == XTOP_TCP_NONE)
        record->tcp_state = XTOP_TCP_SYN;
    again += record->retransmissions[from];
    record->retransmissions[from] = (uint16_t)(again < UINT16_MAX ? again : UINT16_MAX);
}

/*
 * The initiator's first ACK is the third packet of the handshake, whenever the sum with the second is merged; a SYN
 * sent twice spoils the measurement (Karn's rule). The SYN, `sent`, is what the initiator sent last or begins its sum.
 */
static void merge_handshake(struct xtop_record *record, uint32_t from, uint64_t sent, uint64_t acknowledged)
{
    if (record->retransmissions[from] || sent == 0 || acknowledged <= sent)
        return;
    if (acknowledged - sent < UINT64_C(1000) * UINT32_MAX)
        record->rtt_us = acknowledged - sent < 1000 ? 1 : (uint32_t)((acknowledged - sent) / 1000);
}

static void merge_acknowledgement(struct xtop_record *record, uint32_t from, const struct flow_sum *sum,
                                  uint64_t clock_base)
{
    uint64_t sent = sum->opens ? clock_base + sum->first_seen : record->last_seen[from];

    if (from == record->initiator && record->tcp_state != XTOP_TCP_NONE)
        merge_handshake(record, from, sent, clock_base + sum->first_ack);
    else if (record->tcp_state == XTOP_TCP_SYN_ACK)
        return;
    record->tcp_state = XTOP_TCP_ESTABLISHED;
}

static void merge_tcp(struct xtop_record *record, uint32_t from, const struct flow_sum *sum, uint64_t clock_base)
{
    uint16_t flags = sum->tcp_flags;

    if (sum->opens)
        merge_open(record, from, sum);
    else if (flags & TCP_SYN && record->tcp_state <= XTOP_TCP_SYN)
        record->tcp_state = XTOP_TCP_SYN_ACK;
    if (sum->first_ack && record->tcp_state < XTOP_TCP_ESTABLISHED)
        merge_acknowledgement(record, from, sum, clock_base);
    if (flags & TCP_FIN)
        record_finish(record, from);
    if (flags & TCP_RST && record->tcp_state != XTOP_TCP_CLOSED)
        record->tcp_state = XTOP_TCP_RESET;
}

static void merge_direction(struct xtop_direction *direction, const struct flow_sum *sum)
{
    if (direction->packets == 0 || sum->ttl_min < direction->ttl_min)
        direction->ttl_min = sum->ttl_min;
    if (direction->packets == 0 || sum->ttl_max > direction->ttl_max)
        direction->ttl_max = sum->ttl_max;
    direction->packets += sum->packets;
    direction->bytes += sum->bytes;
    direction->payload_bytes += sum->payload_bytes;
    for (uint32_t i = 0; i < XTOP_SIZE_BINS; i++)
        direction->size_histogram[i] += sum->size_histogram[i];
    direction->tcp_flags |= sum->tcp_flags;
    direction->ip_flags |= sum->ip_flags;
    direction->dscp = sum->dscp;
}

void record_merge(struct xtop_record *record, uint32_t from, const struct flow_sum *sum, uint64_t clock_base)
{
    uint64_t first = clock_base + sum->first_seen;
    uint64_t last = clock_base + sum->last_seen;

    if (sum->opens) {
        record->initiator = from & 1;
        record->seen |= XTOP_SEEN_OPENED;
    }
    if (sum->tcp_seen)
        merge_tcp(record, from, sum, clock_base); /* it asks when the sender was seen before */
    if (record->first_seen[from] == 0 || first < record->first_seen[from])
        record->first_seen[from] = first;
    if (last > record->last_seen[from])
        record->last_seen[from] = last;
    merge_direction(&record->direction[from], sum);
    record->tcp_options[from] |= sum->tcp_options;
    if (record->key.ip_version == 4)
        record->ipv4_options[from] |= sum->ipv4_options;
    else
        record->ipv6_extensions[from] |= sum->ipv6_extensions;
}
