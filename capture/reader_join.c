/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What several queues saw of one flow becomes one record. A capture with one queue never comes here.
 */
#include "capture/reader_state.h"

enum { TCP_ACK = 0x10 };

static uint16_t add_saturating(uint16_t a, uint16_t b)
{
    return (uint16_t)(a + b > UINT16_MAX ? UINT16_MAX : a + b);
}

static void join_direction(struct xtop_direction *to, const struct xtop_direction *from)
{
    if (from->packets == 0)
        return;
    if (to->packets == 0 || from->ttl_min < to->ttl_min)
        to->ttl_min = from->ttl_min;
    if (to->packets == 0 || from->ttl_max > to->ttl_max)
        to->ttl_max = from->ttl_max;
    if (to->packets == 0)
        to->dscp = from->dscp;
    to->packets += from->packets;
    to->bytes += from->bytes;
    to->payload_bytes += from->payload_bytes;
    for (int i = 0; i < XTOP_SIZE_BINS; i++)
        to->size_histogram[i] += from->size_histogram[i];
    to->tcp_flags |= from->tcp_flags;
    to->out_of_order = add_saturating(to->out_of_order, from->out_of_order);
    to->zero_windows = add_saturating(to->zero_windows, from->zero_windows);
    to->ip_flags |= from->ip_flags;
}

/* No queue saw the whole handshake, nor both FINs; together they did. */
static void join_tcp(struct xtop_record *record, const struct xtop_record *other)
{
    if (other->tcp_state > record->tcp_state)
        record->tcp_state = other->tcp_state;
    if (record->tcp_state == XTOP_TCP_SYN_ACK && record->direction[record->initiator].tcp_flags & TCP_ACK)
        record->tcp_state = XTOP_TCP_ESTABLISHED;
    record->seen |= other->seen & (uint8_t)~XTOP_SEEN_OPENED;
    if ((record->seen & RECORD_FIN_BOTH) == RECORD_FIN_BOTH)
        record->tcp_state = XTOP_TCP_CLOSED;
    if (record->rtt_us == 0 || (other->rtt_us && other->rtt_us < record->rtt_us))
        record->rtt_us = other->rtt_us;
}

/*
 * Bursts of two queues are stamped by their workers, of which one may have slept: between a SYN, or an echo request, and
 * its answer times are no judge. They are where neither part saw who opened, or each saw another.
 */
static bool knows_initiator_better(const struct xtop_record *other, const struct xtop_record *record)
{
    if ((other->seen ^ record->seen) & XTOP_SEEN_OPENED)
        return other->seen & XTOP_SEEN_OPENED;
    if (record_first_seen(other) != record_first_seen(record))
        return record_first_seen(other) < record_first_seen(record);
    return other->initiator < record->initiator; /* so that it does not hang on which was joined first */
}

void reader_join(struct xtop_record *record, const struct xtop_record *other)
{
    if (knows_initiator_better(other, record)) {
        record->initiator = other->initiator;
        record->seen |= other->seen & XTOP_SEEN_OPENED;
        record->tunnel = other->tunnel;
        record->tunnel_id = other->tunnel_id;
    }
    for (int i = 0; i < 2; i++) {
        join_direction(&record->direction[i], &other->direction[i]);
        record_widen(record, other, i);
        record->tcp_options[i] |= other->tcp_options[i];
        record->ipv4_options[i] |= other->ipv4_options[i]; /* or, with the same bits, the extensions of IPv6 */
        record->retransmissions[i] = add_saturating(record->retransmissions[i], other->retransmissions[i]);
    }
    join_tcp(record, other);
}
