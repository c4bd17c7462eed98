/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows as IPFIX messages (RFC 7011), biflows by RFC 5103. Pure: records in, bytes out; who sends them, and when, is not
 * known here.
 *
 *   message ┌────────┬───────────────────────────┬──────────────────┬─────┐
 *           │ header │ set: id, length, record … │ set: id, record… │ ... │   at most message_size bytes
 *           └────────┴───────────────────────────┴──────────────────┴─────┘
 *
 * A flow goes by the template of its kind, so that no record carries what it cannot know:
 *
 *   template = IPFIX_FIRST_TEMPLATE + both * 8 + ipv6 * 4 + (0 ports, 1 TCP, 2 ICMP, 3 TCP with nine bits of flags)
 *
 * `both`: two directions in one record, the second under enterprise number 29305. A flow that only one side spoke in goes
 * by the template of one direction. With `uniflow` every direction is a record of its own, and one flow's records
 * are never in different messages. docs/ipfix.md has the elements.
 */
#ifndef XTOP_IPFIX_ENCODE_H
#define XTOP_IPFIX_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "capture/flow_abi.h"

/* cdef begin */
#define IPFIX_FIRST_TEMPLATE 256
#define IPFIX_FLOW_TEMPLATES 16
#define IPFIX_LEAST_MESSAGE 512 /* message_size: any record and any template fits */
#define IPFIX_MOST_MESSAGE 65535

/* What holds for all messages of one stream to one collector. The caller fills it once; `sequence` counts by itself. */
struct ipfix_encoder {
    uint32_t domain;                    /* observation domain id */
    uint32_t uniflow;                   /* 1: a record for each direction */
    uint32_t live_reason;               /* flowEndReason of flows that have not ended */
    uint32_t message_size;              /* most bytes of a message */
    uint32_t sampling;                  /* 1-in-N; 1 = every packet */
    uint32_t random;                    /* 1: each packet by chance, 0: every N-th */
    uint32_t sequence;                  /* data records encoded so far: the next message's sequence number */
    uint32_t interface[XTOP_MAX_LINKS]; /* ingressInterface of flows of each link: ifindex, 0 = unknown */
    char interface_name[XTOP_MAX_LINKS][32];
    uint32_t record_size[IPFIX_FLOW_TEMPLATES]; /* octets; ipfix_encoder_prepare fills them */
};

/* Where a message lies in the buffer, and what is in it. */
struct ipfix_message {
    uint32_t at;
    uint32_t size;
    uint32_t records; /* data records: what sequence numbers count */
    uint32_t flows;
};

/* What an exporter says of itself now and then; totals since its start. */
struct ipfix_statistics {
    uint64_t octets;
    uint64_t messages;
    uint64_t flows;
    uint64_t packets_dropped; /* that capture lost */
    uint64_t flows_not_sent;
};

/* Where the messages go: `count` grows by one each. Neither buffer is ever written past. */
struct ipfix_output {
    uint8_t *bytes;
    uint64_t room;
    uint64_t used;
    struct ipfix_message *message;
    uint32_t message_room;
    uint32_t message_count;
    uint32_t time; /* export time, s since the epoch */
    uint32_t padding;
};

/* Call it once, before anything is written. */
void ipfix_encoder_prepare(struct ipfix_encoder *encoder);

/* Writes all templates, in as many messages as they need. Returns 0, or -1 when the output has no room for them. */
int ipfix_write_templates(struct ipfix_encoder *encoder, struct ipfix_output *output);

/* Writes the options records: sampling, the interfaces' names where there are any, statistics. Returns 0, or -1: no room. */
int ipfix_write_options(struct ipfix_encoder *encoder, const struct ipfix_statistics *statistics,
                        struct ipfix_output *output);

/*
 * Writes flows from `*at` on until `count` is reached or the output is full; `*at` moves on. `first` is a struct
 * xtop_record, or something that begins with one, and the next lies `stride` bytes on.
 */
void ipfix_write_flows(struct ipfix_encoder *encoder, const void *first, uint64_t stride, uint64_t count, uint64_t *at,
                       struct ipfix_output *output);
/* cdef end */

#endif
