/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader: attaches to a segment, copies consistently, joins what two queues saw of one flow, ranks, and hands out
 * only the rows that are wanted. It writes nothing into the segment; any number of readers may look at once. A reader
 * is used by one thread at a time. Everything is private memory of the reader's own, given back by reader_close.
 */
#ifndef XTOP_READER_H
#define XTOP_READER_H

#include <stddef.h>
#include <stdint.h>

#include "capture/filter_program.h"
#include "capture/flow_abi.h"

/* cdef begin */
/* reader_view.sort */
#define READER_SORT_BYTES 0
#define READER_SORT_PACKETS 1
#define READER_SORT_BPS 2
#define READER_SORT_PPS 3
#define READER_SORT_PAYLOAD_BYTES 4
#define READER_SORT_SOURCE 5
#define READER_SORT_DESTINATION 6
#define READER_SORT_SOURCE_PORT 7
#define READER_SORT_DESTINATION_PORT 8
#define READER_SORT_PROTOCOL 9
#define READER_SORT_VLAN 10
#define READER_SORT_FIRST_SEEN 11
#define READER_SORT_LAST_SEEN 12
#define READER_SORT_DURATION 13
#define READER_SORT_RTT 14
#define READER_SORT_RETRANSMISSIONS 15
#define READER_SORT_SENT 16 /* bytes of the initiator; of a host: what it sent */
#define READER_SORT_RECEIVED 17
#define READER_SORT_SENT_BPS 18
#define READER_SORT_RECEIVED_BPS 19
#define READER_SORT_STATE 20
#define READER_SORT_FLAGS 21
#define READER_SORT_TTL 22
#define READER_SORT_DSCP 23
#define READER_SORT_ENTROPY 24 /* of the payload; a look then reckons it for every flow that is counted by value */
#define READER_SORT_FLOWS 25   /* of a group */
#define READER_SORT_COUNT 26

/* reader_view.group: what flows are added up by; capture/reader_group.h says what such a row holds */
#define READER_GROUP_NONE 0
#define READER_GROUP_HOST 1
#define READER_GROUP_PAIR 2
#define READER_GROUP_PORT 3
#define READER_GROUP_PROTOCOL 4
#define READER_GROUP_VLAN 5
#define READER_GROUP_COUNT 6

/* reader_view.activity: hosts that stand out are found by two looks, capture/reader_activity.h says how */
#define READER_ACTIVITY_NONE 0
#define READER_ACTIVITY_COUNT 1 /* the first */
#define READER_ACTIVITY_NAME 2  /* the second; reader_active_hosts has them then */
#define READER_CONTACT_BITS 4096

/* NOLINTNEXTLINE(bugprone-macro-parentheses): cffi reads plain numbers only */
#define READER_NO_ENTROPY -1

/* What reader_look may return besides 0. */
/* NOLINTBEGIN(bugprone-macro-parentheses): cffi reads plain numbers only */
#define READER_NO_MEMORY -1
#define READER_BAD_FILTER -2
/* NOLINTEND(bugprone-macro-parentheses) */

struct reader_view {
    uint32_t sort;       /* READER_SORT_ */
    uint32_t descending; /* 0 or 1 */
    uint64_t top;        /* rows wanted; 0 = all */
    uint32_t ended;      /* 1: ended flows that were collected, too */
    uint32_t over_span;  /* 1: rates over the whole capture (files); 0: since the look before */
    uint32_t over;       /* 1: the capture is dead, and the header may not say so (killed): then rates stand still */
    uint32_t between;    /* 1: asked between two intervals: rates stay those of the look before */
    uint32_t group;      /* READER_GROUP_: groups are ranked beside the flows */
    uint32_t details;    /* 1: of groups payload, retransmissions, times and RTT are wanted, too; else they may be 0 */
    uint32_t directions; /* 1: each direction of a flow, and of a pair of hosts, is a row of its own */
    uint32_t activity;   /* READER_ACTIVITY_ */
    uint32_t threads;    /* how many at most may go through the flows at once; 0 = the caller's alone */
    uint64_t now;        /* ns: what ages are counted from */
    const struct filter_instruction *filter; /* filter_count instructions of the caller's; NULL = every flow */
    uint64_t filter_count;
};

/* A flow, whole: what all queues saw of it. Or one direction of it, or a group of flows. */
struct reader_row {
    struct xtop_record record;
    uint64_t rate_packets[2];    /* packets within reader_result.interval_ns, by sending end as in the record */
    uint64_t rate_bytes[2];      /* IP bytes within it */
    uint32_t retransmissions[2]; /* the record's, or of a group their sum */
    uint32_t flow_id;            /* MurmurHash3 x86_32 of the key, seed 0 */
    uint32_t flows;              /* how many the row is made of */
    uint32_t histogram[2];       /* where its payload bytes are counted; see reader_row_bytes */
    uint32_t histogram_generation[2];
    uint16_t histogram_queue[2];
    float entropy[3]; /* only where rows are sorted by it: of end 0, of end 1, of both; READER_NO_ENTROPY */
};

/* A host that stands out, filter or not. */
struct reader_host {
    uint8_t address[16];
    uint32_t ip_version;
    uint32_t flows;      /* live flows that it began */
    uint32_t host_bits;  /* of READER_CONTACT_BITS, a bit for each host that it reaches with them */
    uint32_t port_bits;  /* and for each port */
    uint64_t rate_bytes; /* IP bytes that it sent and received within reader_result.interval_ns */
};

struct reader_result {
    struct reader_row *row; /* row_count rows in order; the caller gives them back by reader_rows_free */
    uint64_t row_count;
    uint64_t rows;            /* that there were to rank: matched, or more where directions are rows */
    struct reader_row *group; /* group_count groups in order; given back by reader_rows_free, too */
    uint64_t group_count;
    uint64_t groups;                       /* that there were to rank */
    uint64_t matched;                      /* flows that the filter let through */
    uint64_t hidden;                       /* flows that it held back */
    uint64_t flows_live;                   /* all live flows, filter or not */
    uint64_t interval_ns;                  /* what the rates are over; 0 = no rates */
    uint64_t duration[XTOP_DURATION_BINS]; /* live flows; bins as in xtop_queue */
    uint64_t packets[XTOP_PACKETS_BINS];
    struct xtop_protocol protocol[256]; /* live flows */
};

struct reader;

/*
 * Maps the segment behind `fd` read-only (the caller keeps the descriptor). Returns NULL and one sentence in `error`
 * when it is none, or of another layout version.
 */
struct reader *reader_open(int fd, char *error, size_t error_size);
void reader_close(struct reader *reader);

/* The header as it stands; `state` may change under the caller's eyes. */
const struct xtop_header *reader_header(const struct reader *reader);

/* Copies queue `number`'s counters, consistent among themselves. Returns 0, or -1 when there is no such queue. */
int reader_queue(const struct reader *reader, uint32_t number, struct xtop_queue *queue);

/*
 * Tells beforehand what will be asked of ended flows: reader_collect then keeps of them what that view shows, and counts the
 * others. Whoever calls this does so before the first reader_collect, and asks for ended flows by no other view. A view that
 * only all of them can answer (every flow, groups, a filter of ages or rates) changes nothing. Returns 0, READER_NO_MEMORY or
 * READER_BAD_FILTER.
 */
int reader_expect(struct reader *reader, const struct reader_view *view);

/*
 * Takes ended flows out of the rings into the reader's own store, of which it keeps the newest `keep` (0 = all).
 * Returns how many it took; -1 when memory ran out. Call it often enough and nothing is lapped.
 */
int64_t reader_collect(struct reader *reader, uint64_t keep);

/*
 * Copies the next ended flows to `to`, `room` of them at most, and returns how many; 0 = there are none now. They do not
 * come to the reader's store: a reader takes or collects.
 */
uint64_t reader_take_ended(struct reader *reader, struct xtop_record *to, uint64_t room);

/*
 * Copies flows that live in a capture at rest, of one queue, as they lie: those behind `*slot`, which begins at 0 and is moved
 * on, `room` of them at most. Returns how many; 0 = there are no more. Of several queues only a look has flows whole.
 */
uint64_t reader_take_living(const struct reader *reader, uint32_t *slot, struct xtop_record *to, uint64_t room);

/*
 * Moves those of `count` flows that the filter lets through to the front, in their order, and returns how many they are.
 * A program that filter_refusal has something to say of lets none through. `now` as of reader_view; there are no rates.
 */
uint64_t reader_filter_ended(const struct filter_instruction *program, uint64_t program_count, uint64_t now,
                             struct xtop_record *record, uint64_t count);

/* Ended flows of a queue taken so far (what a "cursor" message tells); and those lost to lapping, all queues. */
uint64_t reader_ended_cursor(const struct reader *reader, uint32_t number);
uint64_t reader_ended_lost(const struct reader *reader);

/*
 * One look at all flows. Returns 0, or READER_NO_MEMORY, or READER_BAD_FILTER where filter_refusal has something to say
 * of the view's filter (in both *result holds no rows).
 */
int reader_look(struct reader *reader, const struct reader_view *view, struct reader_result *result);
void reader_rows_free(struct reader_row *row);

/* Copies the rows of flows that have ended, in their order; *kept tells how many. NULL when there are none, or no memory. */
struct reader_row *reader_rows_ended(const struct reader_row *row, uint64_t count, uint64_t *kept);

/*
 * By value the payload bytes that end `end` of a flow's row has sent, as they are now. Returns 0, or -1 where they are
 * not known (any more). What other threads do with the reader does not disturb it.
 */
int reader_row_bytes(const struct reader *reader, const struct reader_row *row, uint32_t end, uint64_t count[256]);

/* Whether payload bytes are counted at all. */
int reader_counts_bytes(const struct reader *reader);

/* Their entropy, bits a byte: of end 0, of end 1, of both; READER_NO_ENTROPY where there is none or it is not known. */
void reader_row_entropy(const struct reader *reader, const struct reader_row *row, double entropy[3]);

/*
 * The hosts that stood out in the last look with READER_ACTIVITY_NAME: hosts[0] has the greatest rate; the others began
 * flows, most flows first. Returns how many of `room` were filled; 0 = nothing to tell.
 */
uint32_t reader_active_hosts(const struct reader *reader, struct reader_host *hosts, uint32_t room);
/* cdef end */

#endif
