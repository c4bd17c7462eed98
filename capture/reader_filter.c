/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a filter's program (filter_program.h) over one flow. The program has been looked through before. */
#include <string.h>

#include "capture/reader_state.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132, UDPLITE = 136 };

/* A value of a flow, or that it has none. TTLs are two: the least and the greatest seen. */
struct value {
    bool known;
    uint64_t least;
    uint64_t greatest;
};

static const struct value UNKNOWN;

static inline struct value one(uint64_t number)
{
    return (struct value){true, number, number};
}

static inline struct value since(uint64_t now, uint64_t then)
{
    return one(now > then ? now - then : 0);
}

/* Which end of the key an instruction asks for: source is the initiator. */
static inline uint32_t end_of(const struct filter_instruction *step, const struct xtop_record *record)
{
    return (record->initiator & 1) ^ (step->end == FILTER_END_DESTINATION);
}

static bool address_matches(const struct filter_instruction *step, const struct xtop_record *record)
{
    uint64_t address[2], want[2], mask[2];

    if (record->key.ip_version != (step->field == FILTER_ADDRESS_V4 ? 4 : 6))
        return false;
    memcpy(address, record->key.address[end_of(step, record)], sizeof address);
    memcpy(want, step->range.address[0], sizeof want);
    memcpy(mask, step->range.address[1], sizeof mask);
    return (address[0] & mask[0]) == want[0] && (address[1] & mask[1]) == want[1];
}

static bool flags_match(const struct filter_instruction *step, const struct xtop_record *record)
{
    uint32_t flags = 0;

    if (record->key.protocol != TCP)
        return false;
    if (step->end == FILTER_END_BOTH)
        flags = record->direction[0].tcp_flags | record->direction[1].tcp_flags;
    else
        flags = record->direction[end_of(step, record)].tcp_flags;
    return (flags & step->range.bits[0]) == step->range.bits[1];
}

/* Of a pair of counters: both together, or the end's that is asked. */
static inline uint64_t of_ends(const struct filter_instruction *step, const struct xtop_record *record, uint64_t end0,
                               uint64_t end1)
{
    if (step->end == FILTER_END_BOTH)
        return end0 + end1;
    return end_of(step, record) ? end1 : end0;
}

static struct value port_of(const struct filter_instruction *step, const struct xtop_record *record)
{
    switch (record->key.protocol) {
    case TCP:
    case UDP:
    case SCTP:
    case UDPLITE:
        return one(record->key.port[end_of(step, record)]);
    default:
        return UNKNOWN;
    }
}

/* Type * 256 + code lie in the port of the receiver. A lone echo reply is keyed as its request, turned round. */
static struct value icmp_of(const struct filter_instruction *step, const struct xtop_record *record)
{
    uint32_t from = record->initiator & 1;
    uint32_t type, code;

    if (record->key.protocol != ICMP && record->key.protocol != ICMPV6)
        return UNKNOWN;
    if (record->key.port[from]) {
        type = record->key.protocol == ICMP ? 0 : 129;
        code = record->key.port[from] & 0xff;
    } else {
        type = record->key.port[!from] >> 8;
        code = record->key.port[!from] & 0xff;
    }
    return one(step->field == FILTER_ICMP_TYPE ? type : code);
}

static struct value header_of(const struct filter_instruction *step, const struct xtop_record *record)
{
    const struct xtop_direction *sent = &record->direction[end_of(step, record)];

    if (sent->packets == 0)
        return UNKNOWN;
    if (step->field == FILTER_DSCP)
        return one(sent->dscp);
    return (struct value){true, sent->ttl_min, sent->ttl_max};
}

static struct value time_of(const struct filter_instruction *step, const struct xtop_record *record, uint64_t now)
{
    switch (step->field) {
    case FILTER_AGE:
        return since(now, record_first_seen(record));
    case FILTER_IDLE:
        return since(now, record_last_seen(record));
    default:
        return since(record_last_seen(record), record_first_seen(record));
    }
}

static struct value tcp_of(const struct filter_instruction *step, const struct xtop_record *record)
{
    if (record->key.protocol != TCP)
        return UNKNOWN;
    switch (step->field) {
    case FILTER_RETRANSMISSIONS:
        return one(of_ends(step, record, record->retransmissions[0], record->retransmissions[1]));
    case FILTER_OUT_OF_ORDER:
        return one(of_ends(step, record, record->direction[0].out_of_order, record->direction[1].out_of_order));
    case FILTER_RTT:
        return record->rtt_us ? one(record->rtt_us) : UNKNOWN;
    default:
        return record->tcp_state == XTOP_TCP_NONE ? UNKNOWN : one(record->tcp_state);
    }
}

static struct value tunnel_id_of(const struct xtop_record *record)
{
    switch (record->tunnel) {
    case XTOP_TUNNEL_NONE:
    case XTOP_TUNNEL_GRE:
    case XTOP_TUNNEL_IPIP:
    case XTOP_TUNNEL_6IN4:
    case XTOP_TUNNEL_4IN6:
    case XTOP_TUNNEL_6IN6:
    case XTOP_TUNNEL_TEREDO:
        return UNKNOWN;
    default:
        return one(record->tunnel_id);
    }
}

static struct value number_of(const struct filter_instruction *step, const struct filter_scene *scene,
                              const struct xtop_record *record)
{
    const struct xtop_direction *a = &record->direction[0];
    const struct xtop_direction *b = &record->direction[1];

    switch (step->field) {
    case FILTER_IP_VERSION:
        return one(record->key.ip_version);
    case FILTER_PROTOCOL:
        return one(record->key.protocol);
    case FILTER_PORT:
        return port_of(step, record);
    case FILTER_ICMP_TYPE:
    case FILTER_ICMP_CODE:
        return icmp_of(step, record);
    case FILTER_VLAN:
        return one(record->key.vlan);
    case FILTER_PACKETS:
        return one(of_ends(step, record, a->packets, b->packets));
    case FILTER_BYTES:
        return one(of_ends(step, record, a->bytes, b->bytes));
    case FILTER_PAYLOAD_BYTES:
        return one(of_ends(step, record, a->payload_bytes, b->payload_bytes));
    case FILTER_TTL:
    case FILTER_DSCP:
        return header_of(step, record);
    case FILTER_DURATION:
    case FILTER_AGE:
    case FILTER_IDLE:
        return time_of(step, record, scene->now);
    case FILTER_TUNNEL:
        return one(record->tunnel);
    case FILTER_TUNNEL_ID:
        return tunnel_id_of(record);
    case FILTER_END_REASON:
        return one(record->end_reason);
    default:
        return tcp_of(step, record);
    }
}

static bool real_matches(const struct filter_instruction *step, const struct filter_scene *scene,
                         const struct reader_row *row)
{
    uint64_t packets = record_packets(&row->record);
    double entropy[3];
    double value;

    switch (step->field) {
    case FILTER_BITS_PER_SECOND:
        value = (double)(row->rate_bytes[0] + row->rate_bytes[1]) * 8 * scene->per_second;
        break;
    case FILTER_PACKETS_PER_SECOND:
        value = (double)(row->rate_packets[0] + row->rate_packets[1]) * scene->per_second;
        break;
    case FILTER_BYTES_PER_PACKET:
        if (packets == 0)
            return false;
        value = (double)(row->record.direction[0].bytes + row->record.direction[1].bytes) / (double)packets;
        break;
    default: /* entropy */
        if (!scene->reader)
            return false;
        reader_row_entropy(scene->reader, row, entropy);
        value = entropy[2];
        if (value < 0)
            return false;
        break;
    }
    return step->range.real[0] <= value && value <= step->range.real[1];
}

static bool number_matches(const struct filter_instruction *step, const struct filter_scene *scene,
                           const struct xtop_record *record)
{
    struct value value = number_of(step, scene, record);

    return value.known && step->range.number[0] <= value.greatest && value.least <= step->range.number[1];
}

/* What is to be known of a live flow, whose end has no reason yet, for one step. */
static enum filter_needs step_needs(const struct filter_instruction *step)
{
    switch (step->field) {
    case FILTER_REJECT:
    case FILTER_ACCEPT:
    case FILTER_PROTOCOL:
    case FILTER_END_REASON:
    case FILTER_BITS_PER_SECOND:
    case FILTER_PACKETS_PER_SECOND:
    case FILTER_BYTES_PER_PACKET:
        return FILTER_NEEDS_GLANCE;
    case FILTER_PACKETS:
    case FILTER_BYTES: /* of one end: who began the flow comes with the key */
        return step->end == FILTER_END_BOTH ? FILTER_NEEDS_GLANCE : FILTER_NEEDS_KEY;
    case FILTER_ADDRESS_V4:
    case FILTER_ADDRESS_V6:
    case FILTER_IP_VERSION:
    case FILTER_PORT:
    case FILTER_ICMP_TYPE:
    case FILTER_ICMP_CODE:
    case FILTER_VLAN:
    case FILTER_TCP_FLAGS:
        return FILTER_NEEDS_KEY;
    default:
        return FILTER_NEEDS_RECORD;
    }
}

enum filter_needs filter_needs(const struct filter_instruction *program, uint64_t count)
{
    enum filter_needs needs = FILTER_NEEDS_GLANCE;

    for (uint64_t i = 0; i < count; i++) {
        enum filter_needs more = step_needs(&program[i]);

        needs = more > needs ? more : needs;
    }
    return needs;
}

/* How long what one step says stands. A segment that comes late changes more than a plain packet, but neither state nor round-trip time. */
static enum filter_stands step_stands(const struct filter_instruction *step)
{
    switch (step->field) {
    case FILTER_AGE:
    case FILTER_IDLE:
    case FILTER_BITS_PER_SECOND:
    case FILTER_PACKETS_PER_SECOND:
    case FILTER_ENTROPY:
        return FILTER_STANDS_NOT;
    case FILTER_REJECT:
    case FILTER_ACCEPT:
    case FILTER_ADDRESS_V4:
    case FILTER_ADDRESS_V6:
    case FILTER_IP_VERSION:
    case FILTER_PROTOCOL:
    case FILTER_PORT:
    case FILTER_ICMP_TYPE:
    case FILTER_ICMP_CODE:
    case FILTER_VLAN:
    case FILTER_RTT:
    case FILTER_TCP_STATE:
    case FILTER_END_REASON:
    case FILTER_TUNNEL:
    case FILTER_TUNNEL_ID:
        return FILTER_STANDS_ADDED;
    default:
        return FILTER_STANDS_STILL;
    }
}

enum filter_stands filter_stands(const struct filter_instruction *program, uint64_t count)
{
    enum filter_stands stands = FILTER_STANDS_ADDED;

    for (uint64_t i = 0; i < count; i++) {
        enum filter_stands one = step_stands(&program[i]);

        stands = one < stands ? one : stands;
    }
    return stands;
}

bool filter_is_timeless(const struct filter_instruction *program, uint64_t count)
{
    return filter_stands(program, count) != FILTER_STANDS_NOT;
}

bool filter_matches(const struct filter_instruction *program, const struct filter_scene *scene,
                    const struct reader_row *row)
{
    const struct filter_instruction *step = program;

    for (;;) {
        bool holds;

        if (step->field <= FILTER_ACCEPT)
            return step->field == FILTER_ACCEPT;
        if (step->field <= FILTER_ADDRESS_V6)
            holds = address_matches(step, &row->record);
        else if (step->field < FILTER_TCP_FLAGS)
            holds = number_matches(step, scene, &row->record);
        else if (step->field == FILTER_TCP_FLAGS)
            holds = flags_match(step, &row->record);
        else
            holds = real_matches(step, scene, row);
        step = program + (holds ? step->if_true : step->if_false);
    }
}

uint64_t reader_filter_ended(const struct filter_instruction *program, uint64_t program_count, uint64_t now,
                             struct xtop_record *record, uint64_t count)
{
    const struct filter_scene scene = {.now = now};
    uint64_t kept = 0;

    if (filter_refusal(program, program_count))
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        struct reader_row row = {.record = record[i]};

        if (filter_matches(program, &scene, &row))
            record[kept++] = row.record;
    }
    return kept;
}
