/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_record.h"

#include <string.h>

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

void record_start(struct xtop_record *record, const struct packet *packet)
{
    memset(record, 0, sizeof *record);
    record->key = packet->key;
    record->initiator = packet->direction & 1;
    record->tunnel = packet->tunnel;
    record->tunnel_id = packet->tunnel_id;
}

/* Headers that few packets have. */
static void record_update_rare(struct xtop_record *record, const struct packet *packet)
{
    uint32_t from = packet->direction;

    if (record->key.ip_version == 4)
        record->ipv4_options[from] |= packet->ipv4_options;
    else
        record->ipv6_extensions[from] |= packet->ipv6_extensions;
    record->tcp_options[from] |= packet->tcp_options;
    if (packet->opens) {
        record->initiator = packet->direction & 1;
        record->seen |= XTOP_SEEN_OPENED;
    }
}

static inline void count_saturating(uint16_t *counter)
{
    if (*counter != UINT16_MAX)
        (*counter)++;
}

/* RFC 9293 section 3.4: SYN and FIN take one sequence number each. */
static void tcp_track_sequence(struct xtop_record *record, const struct packet *packet, uint64_t time)
{
    uint32_t from = packet->direction;
    uint32_t length = packet->payload_bytes + !!(packet->tcp_flags & TCP_SYN) + !!(packet->tcp_flags & TCP_FIN);
    uint32_t behind = record->tcp_next[from] - packet->tcp_sequence;
    bool known = record->seen & RECORD_NEXT_KNOWN(from);

    if (!known || (int32_t)behind <= 0) {
        if (length || !known)
            record->tcp_next[from] = packet->tcp_sequence + length;
        record->seen |= RECORD_NEXT_KNOWN(from);
        return;
    }
    /* A keep-alive repeats one old byte, or none (RFC 9293 section 3.8.4): not a loss. A SYN or FIN is none. */
    if (length == 0 || (behind == 1 && length == 1 && packet->payload_bytes == 1))
        return;
    if (record_older(record->last_seen[from], time, RECORD_REORDER_WINDOW))
        count_saturating(&record->retransmissions[from]);
    else
        count_saturating(&record->direction[from].out_of_order);
    if ((int32_t)(length - behind) > 0)
        record->tcp_next[from] = packet->tcp_sequence + length;
}

static void tcp_open(struct xtop_record *record)
{
    bool reopened = record->tcp_state >= XTOP_TCP_CLOSED;

    if (reopened)
        record->seen &= XTOP_SEEN_OPENED;
    if (reopened || record->tcp_state == XTOP_TCP_NONE)
        record->tcp_state = XTOP_TCP_SYN;
}

/*
 * The third packet of the handshake closes the measurement; a SYN sent twice spoils it (Karn's rule). The SYN is what its
 * sender sent last: before it there may have been a connection of the same ports, refused or closed.
 */
static void tcp_measure_handshake(struct xtop_record *record, uint64_t time)
{
    uint64_t sent = record->last_seen[record->initiator];

    if (record->retransmissions[0] | record->retransmissions[1] || sent == 0 || time <= sent)
        return;
    if (time - sent < UINT64_C(1000) * UINT32_MAX)
        record->rtt_us = time - sent < 1000 ? 1 : (uint32_t)((time - sent) / 1000);
}

/*
 * The initiator acknowledges nothing before the answer has come, so its first ACK is the third packet of the handshake,
 * where the answer went by another queue, too; `next`: unless it is ahead of the SYN, when that packet was not seen. Who
 * began with SYN and ACK began nothing: the SYN was before our time.
 */
static void tcp_acknowledge(struct xtop_record *record, const struct packet *packet, bool next, uint64_t time)
{
    bool answered =
        record->tcp_state == XTOP_TCP_SYN_ACK && record->direction[record->initiator ^ 1].tcp_flags & TCP_SYN;
    bool opened = record->tcp_state == XTOP_TCP_SYN || answered;

    if (opened && packet->direction == record->initiator && next && record->rtt_us == 0)
        tcp_measure_handshake(record, time);
    if (record->tcp_state == XTOP_TCP_SYN || (answered && packet->direction != record->initiator))
        return;
    record->tcp_state = XTOP_TCP_ESTABLISHED;
}

/* TCP's share: state, sequence numbers, round-trip time. */
static void record_update_tcp(struct xtop_record *record, const struct packet *packet, uint64_t time)
{
    uint16_t flags = packet->tcp_flags;
    bool next = packet->tcp_sequence == record->tcp_next[packet->direction];

    /* Who has sent FIN begins another connection, though the other end's FIN may have come over another queue. */
    if (flags & TCP_SYN && record->tcp_state == XTOP_TCP_FIN && record->seen & 1u << packet->direction) {
        record->seen &= XTOP_SEEN_OPENED;
        record->tcp_state = XTOP_TCP_NONE;
    }
    if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
        tcp_open(record);
    tcp_track_sequence(record, packet, time);
    if (packet->unusual & PACKET_ZERO_WINDOW && record->direction[packet->direction].zero_windows != UINT16_MAX)
        record->direction[packet->direction].zero_windows++;
    if (flags & TCP_RST) {
        if (record->tcp_state != XTOP_TCP_CLOSED)
            record->tcp_state = XTOP_TCP_RESET;
        return;
    }
    if ((flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)) {
        if (record->tcp_state <= XTOP_TCP_SYN)
            record->tcp_state = XTOP_TCP_SYN_ACK;
    } else if (flags & TCP_ACK && record->tcp_state < XTOP_TCP_ESTABLISHED) {
        tcp_acknowledge(record, packet, next, time);
    }
    if (flags & TCP_FIN)
        record_finish(record, packet->direction);
}

void record_update(struct xtop_record *record, const struct packet *packet, uint64_t time)
{
    uint32_t from = packet->direction;
    struct xtop_direction *direction = &record->direction[from];

    if (packet->tcp_seen)
        record_update_tcp(record, packet, time);
    if (direction->packets == 0) {
        record->first_seen[from] = time;
        direction->ttl_min = packet->ttl;
        direction->ttl_max = packet->ttl;
    }
    if (time > record->last_seen[from])
        record->last_seen[from] = time;
    direction->packets++;
    direction->bytes += packet->bytes;
    direction->payload_bytes += packet->payload_bytes;
    direction->size_histogram[packet->size_bin]++;
    direction->tcp_flags |= packet->tcp_flags;
    direction->ip_flags |= packet->ip_flags;
    direction->dscp = packet->dscp;
    if (packet->ttl < direction->ttl_min)
        direction->ttl_min = packet->ttl;
    if (packet->ttl > direction->ttl_max)
        direction->ttl_max = packet->ttl;
    if (packet->opens | ((packet->ipv4_options | packet->ipv6_extensions) != 0) | (packet->tcp_options != 0))
        record_update_rare(record, packet);
}
