/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows as text: what JSON, NDJSON and CSV are made of, a few megabytes at a time.
 *
 * A form is a little program: steps of a literal (`,"packets":`) and then a value. Who writes the form decides names,
 * order and quotes; here only values are known. Numbers are written as Python's repr() writes them (floats: the shortest
 * text that reads back the same), times as ISO 8601 in UTC with nine decimals.
 */
#ifndef XTOP_ROW_TEXT_H
#define XTOP_ROW_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "capture/reader.h"

/* cdef begin */
/* row_step.value: of the flow */
#define ROW_FLOW_ID 0
#define ROW_SOURCE 1
#define ROW_DESTINATION 2
#define ROW_SOURCE_PORT 3
#define ROW_DESTINATION_PORT 4
#define ROW_PROTOCOL 5
#define ROW_PROTOCOL_NAME 6
#define ROW_IP_VERSION 7
#define ROW_VLAN 8
#define ROW_TUNNEL 9
#define ROW_FIRST_SEEN 10
#define ROW_LAST_SEEN 11
#define ROW_PACKETS 12
#define ROW_BYTES 13
#define ROW_PAYLOAD_BYTES 14
#define ROW_PPS 15
#define ROW_BPS 16
#define ROW_TCP_STATE 17
#define ROW_RTT_US 18
#define ROW_END_REASON 19
#define ROW_ENTROPY 20 /* of both directions' payload */

/* row_step.value: of the direction that row_step.side names */
#define ROW_SIDE_PACKETS 32
#define ROW_SIDE_BYTES 33
#define ROW_SIDE_PAYLOAD_BYTES 34
#define ROW_SIDE_TCP_FLAGS 35
#define ROW_SIDE_TTL_MIN 36
#define ROW_SIDE_TTL_MAX 37
#define ROW_SIDE_DSCP 38
#define ROW_SIDE_IP_FLAGS 39
#define ROW_SIDE_IPV4_OPTIONS 40
#define ROW_SIDE_TCP_OPTIONS 41
#define ROW_SIDE_IPV6_EXTENSIONS 42
#define ROW_SIDE_PACKET_SIZE 43
#define ROW_SIDE_FIRST_SEEN 44
#define ROW_SIDE_LAST_SEEN 45
#define ROW_SIDE_RETRANSMISSIONS 46
#define ROW_SIDE_OUT_OF_ORDER 47
#define ROW_SIDE_ZERO_WINDOWS 48
#define ROW_SIDE_ENTROPY 49
#define ROW_SIDE_BYTE_HISTOGRAM 50 /* a list of 256 counts */

/* A piece of text; not ended by a 0. Of `text` ROW_WORDS_READ bytes can be read, however few it has. */
#define ROW_WORDS_READ 32
struct row_words {
    const char *text;
    uint64_t size;
};

struct row_step {
    struct row_words literal; /* written first */
    uint32_t value;           /* ROW_ */
    uint32_t side;            /* 0: what the initiator sent; 1: what came back */
};

struct row_form {
    const struct row_step *step;
    uint64_t step_count;
    struct row_words end;        /* after the last value of a row */
    struct row_words between;    /* between two rows */
    struct row_words nothing;    /* a value that is not there */
    struct row_words quote;      /* on both sides of addresses, times and flags */
    struct row_words list_begin; /* round and between the counts of packet_size and byte_histogram */
    struct row_words list_between;
    struct row_words list_end;
    const struct row_words *tunnel; /* XTOP_TUNNEL_COUNT beginnings, up to the id; the first is the whole of none */
    struct row_words tunnel_end;    /* after the id */
    uint64_t tunnel_ids;            /* bit k: tunnels of kind k have one */
    const struct row_words *protocol_name; /* 256, quoted where they need it */
    const struct row_words *tcp_state;     /* by XTOP_TCP_ */
    const struct row_words *end_reason;    /* by XTOP_END_ */
    uint64_t tcp_state_count;
    uint64_t end_reason_count;
    double per_second;           /* rate = counted within the interval * per_second */
    const struct reader *reader; /* who knows payload bytes by value; NULL: nobody, or no step asks */
    uint64_t entropies_noted;    /* 1: entropies are those that stand in the rows */
};

/*
 * Writes rows from `*at` on into `to` until `count` is reached or the room is short of one row; `*at` moves on. The text
 * between two rows comes before every row but row 0. Returns the bytes written; 0 only at the end, or where `room` is below
 * row_text_room().
 */
size_t row_text(const struct row_form *form, const struct reader_row *row, uint64_t count, uint64_t *at, char *to,
                size_t room);

/* The room that takes any row of `form`, whatever its values. */
size_t row_text_room(const struct row_form *form);
/* cdef end */

#endif
