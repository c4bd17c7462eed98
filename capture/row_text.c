/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/row_text.h"

#include <stdbool.h>
#include <string.h>

#include "capture/flow_record.h"
#include "capture/flow_side.h"
#include "capture/value_text.h"

/* What is known of a flow's payload by value; of a form that does not ask, nothing is. */
struct payload {
    uint64_t count[2][XTOP_BYTE_VALUES]; /* by end, as in the record */
    bool counted[2];
    double entropy[3];
};

/* Nearly all words are short: a copy of constant size is two moves where memcpy(3) is a call. */
static inline char *put(char *to, struct row_words words)
{
    memcpy(to, words.text, ROW_WORDS_READ);
    if (__builtin_expect(words.size > ROW_WORDS_READ, 0))
        memcpy(to + ROW_WORDS_READ, words.text + ROW_WORDS_READ, words.size - ROW_WORDS_READ);
    return to + words.size;
}

static char *put_word(char *to, const struct row_form *form, const struct row_words *table, uint64_t count, uint32_t at)
{
    return put(to, at < count ? table[at] : form->nothing);
}

static char *put_time(char *to, const struct row_form *form, uint64_t time)
{
    if (time == 0)
        return put(to, form->nothing);
    return put(text_time(put(to, form->quote), time), form->quote);
}

/* One of the form's beginnings, the id where the kind has one, and the end. */
static char *put_tunnel(char *to, const struct row_form *form, const struct xtop_record *record)
{
    if (record->tunnel == XTOP_TUNNEL_NONE || record->tunnel >= XTOP_TUNNEL_COUNT)
        return put(to, form->tunnel[XTOP_TUNNEL_NONE]);
    to = put(to, form->tunnel[record->tunnel]);
    to = form->tunnel_ids >> record->tunnel & 1 ? text_u64(to, record->tunnel_id) : put(to, form->nothing);
    return put(to, form->tunnel_end);
}

static char *put_sizes(char *to, const struct row_form *form, const uint32_t *count)
{
    to = put(to, form->list_begin);
    for (int i = 0; i < XTOP_SIZE_BINS; i++) {
        if (i)
            to = put(to, form->list_between);
        to = text_u64(to, count[i]);
    }
    return put(to, form->list_end);
}

static char *put_entropy(char *to, const struct row_form *form, double entropy)
{
    return entropy < 0 ? put(to, form->nothing) : text_rounded(to, entropy);
}

/* What `end` sent. */
static char *put_payload_value(char *to, const struct row_form *form, const struct payload *payload, uint32_t end,
                               uint32_t value)
{
    if (value == ROW_SIDE_ENTROPY)
        return put_entropy(to, form, payload->entropy[end]);
    if (!payload->counted[end])
        return put(to, form->nothing);
    to = put(to, form->list_begin);
    for (int i = 0; i < XTOP_BYTE_VALUES; i++) {
        if (i)
            to = put(to, form->list_between);
        to = text_u64(to, payload->count[end][i]);
    }
    return put(to, form->list_end);
}

static char *put_address(char *to, const struct row_form *form, const struct xtop_key *key, uint32_t end)
{
    return put(text_address(put(to, form->quote), key->ip_version, key->address[end]), form->quote);
}

static char *put_side_value(char *to, const struct row_form *form, const struct flow_side *side, uint32_t value)
{
    const struct xtop_direction *counts = side->counts;

    switch (value) {
    case ROW_SIDE_PACKETS:
        return text_u64(to, counts->packets);
    case ROW_SIDE_BYTES:
        return text_u64(to, counts->bytes);
    case ROW_SIDE_PAYLOAD_BYTES:
        return text_u64(to, counts->payload_bytes);
    case ROW_SIDE_TCP_FLAGS:
        return put(text_tcp_flags(put(to, form->quote), counts->tcp_flags), form->quote);
    case ROW_SIDE_TTL_MIN:
        return text_u64(to, counts->ttl_min);
    case ROW_SIDE_TTL_MAX:
        return text_u64(to, counts->ttl_max);
    case ROW_SIDE_DSCP:
        return text_u64(to, counts->dscp);
    case ROW_SIDE_IP_FLAGS:
        return text_u64(to, counts->ip_flags);
    case ROW_SIDE_IPV4_OPTIONS:
        return text_u64(to, side->ipv4_options);
    case ROW_SIDE_TCP_OPTIONS:
        return text_u64(to, side->tcp_options);
    case ROW_SIDE_IPV6_EXTENSIONS:
        return text_u64(to, side->ipv6_extensions);
    case ROW_SIDE_PACKET_SIZE:
        return put_sizes(to, form, counts->size_histogram);
    case ROW_SIDE_FIRST_SEEN:
        return put_time(to, form, side->first_seen);
    case ROW_SIDE_LAST_SEEN:
        return put_time(to, form, side->last_seen);
    case ROW_SIDE_RETRANSMISSIONS:
        return text_u64(to, side->retransmissions);
    case ROW_SIDE_OUT_OF_ORDER:
        return text_u64(to, side->out_of_order);
    case ROW_SIDE_ZERO_WINDOWS:
        return text_u64(to, side->zero_windows);
    default:
        return put(to, form->nothing);
    }
}

static char *put_key_value(char *to, const struct row_form *form, const struct xtop_key *key, uint32_t from,
                           uint32_t value)
{
    switch (value) {
    case ROW_SOURCE:
        return put_address(to, form, key, from);
    case ROW_DESTINATION:
        return put_address(to, form, key, !from);
    case ROW_SOURCE_PORT:
        return text_u64(to, flow_source_port(key, from));
    case ROW_DESTINATION_PORT:
        return text_u64(to, flow_destination_port(key, from));
    case ROW_PROTOCOL:
        return text_u64(to, key->protocol);
    case ROW_PROTOCOL_NAME:
        return put(to, form->protocol_name[key->protocol]);
    case ROW_IP_VERSION:
        return text_u64(to, key->ip_version);
    default:
        return text_u64(to, key->vlan);
    }
}

static char *put_flow_value(char *to, const struct row_form *form, const struct reader_row *row, uint32_t value)
{
    const struct xtop_record *record = &row->record;
    const struct xtop_direction *counts = record->direction;

    switch (value) {
    case ROW_FLOW_ID:
        return text_u64(to, row->flow_id);
    case ROW_FIRST_SEEN:
        return put_time(to, form, record_first_seen(record));
    case ROW_LAST_SEEN:
        return put_time(to, form, record_last_seen(record));
    case ROW_PACKETS:
        return text_u64(to, counts[0].packets + counts[1].packets);
    case ROW_BYTES:
        return text_u64(to, counts[0].bytes + counts[1].bytes);
    case ROW_PAYLOAD_BYTES:
        return text_u64(to, counts[0].payload_bytes + counts[1].payload_bytes);
    case ROW_PPS:
        return text_double(to, (double)(row->rate_packets[0] + row->rate_packets[1]) * form->per_second);
    case ROW_BPS:
        return text_double(to, (double)((row->rate_bytes[0] + row->rate_bytes[1]) * 8) * form->per_second);
    case ROW_TCP_STATE:
        return put_word(to, form, form->tcp_state, form->tcp_state_count, record->tcp_state);
    case ROW_TUNNEL:
        return put_tunnel(to, form, record);
    case ROW_RTT_US:
        return record->rtt_us ? text_u64(to, record->rtt_us) : put(to, form->nothing);
    case ROW_END_REASON:
        return put_word(to, form, form->end_reason, form->end_reason_count, record->end_reason);
    default:
        return put(to, form->nothing);
    }
}

static void payload_look(struct payload *payload, const struct row_form *form, const struct reader_row *row)
{
    for (uint32_t end = 0; end < 2; end++)
        payload->counted[end] = form->reader && reader_row_bytes(form->reader, row, end, payload->count[end]) == 0;
    if (form->entropies_noted)
        for (int which = 0; which < 3; which++)
            payload->entropy[which] = (double)row->entropy[which];
    else if (form->reader)
        reader_row_entropy(form->reader, row, payload->entropy);
}

static char *put_row(char *to, const struct row_form *form, const struct reader_row *row)
{
    uint32_t from = row->record.initiator & 1;
    const struct flow_side sides[2] = {flow_side_of(&row->record, from), flow_side_of(&row->record, !from)};
    struct payload payload;

    payload.counted[0] = payload.counted[1] = false;
    payload.entropy[0] = payload.entropy[1] = payload.entropy[2] = READER_NO_ENTROPY;
    if (form->reader || form->entropies_noted)
        payload_look(&payload, form, row);

    for (uint64_t i = 0; i < form->step_count; i++) {
        const struct row_step *step = &form->step[i];

        to = put(to, step->literal);
        if (step->value >= ROW_SIDE_ENTROPY)
            to = put_payload_value(to, form, &payload, step->side & 1 ? !from : from, step->value);
        else if (step->value == ROW_ENTROPY)
            to = put_entropy(to, form, payload.entropy[2]);
        else if (step->value >= ROW_SIDE_PACKETS)
            to = put_side_value(to, form, &sides[step->side & 1], step->value);
        else if (step->value >= ROW_SOURCE && step->value <= ROW_VLAN)
            to = put_key_value(to, form, &row->record.key, from, step->value);
        else
            to = put_flow_value(to, form, row, step->value);
    }
    return put(to, form->end);
}

static size_t longest_word(const struct row_words *words, uint64_t count)
{
    size_t longest = 0;

    for (uint64_t i = 0; i < count; i++)
        if (words[i].size > longest)
            longest = words[i].size;
    return longest;
}

size_t row_text_room(const struct row_form *form)
{
    size_t list =
        form->list_begin.size + form->list_end.size + XTOP_SIZE_BINS * (form->list_between.size + sizeof("4294967295"));
    size_t value = VALUE_TEXT_MAX + 2 * form->quote.size + form->nothing.size + list +
                   longest_word(form->protocol_name, 256) + longest_word(form->tcp_state, form->tcp_state_count) +
                   longest_word(form->end_reason, form->end_reason_count) +
                   longest_word(form->tunnel, XTOP_TUNNEL_COUNT) + form->tunnel_end.size;
    size_t room = form->between.size + form->end.size + ROW_WORDS_READ;

    for (uint64_t i = 0; i < form->step_count; i++) {
        room += form->step[i].literal.size + value;
        if (form->step[i].value == ROW_SIDE_BYTE_HISTOGRAM)
            room += XTOP_BYTE_VALUES * (form->list_between.size + sizeof("18446744073709551615"));
    }
    return room;
}

size_t row_text(const struct row_form *form, const struct reader_row *row, uint64_t count, uint64_t *at, char *to,
                size_t room)
{
    const size_t least = row_text_room(form);
    char *const begin = to;

    for (; *at < count && room - (size_t)(to - begin) >= least; (*at)++) {
        if (*at)
            to = put(to, form->between);
        to = put_row(to, form, &row[*at]);
    }
    return (size_t)(to - begin);
}
