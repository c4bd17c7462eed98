/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ipfix_encode.h"

#include <stdbool.h>
#include <string.h>

#include "capture/flow_record.h"
#include "capture/hash.h"
#include "capture/ipfix_flow.h"
#include "capture/ipfix_put.h"

#define VERSION 10
#define MESSAGE_HEADER 16
#define SET_HEADER 4
#define TEMPLATE_SET 2
#define OPTIONS_TEMPLATE_SET 3
#define VARIABLE_LENGTH 65535

enum {
    SYSTEMATIC_TEMPLATE = IPFIX_FIRST_TEMPLATE + IPFIX_FLOW_TEMPLATES,
    RANDOM_TEMPLATE,
    INTERFACE_TEMPLATE,
    STATISTICS_TEMPLATE,
    RATE_TEMPLATE,
};

/*
 * Options records as rows (as in ipfix_elements.h): the scope, which stands first, and what is said of it. Values see
 * `encoder` and `statistics`.
 */
#define IPFIX_SYSTEMATIC_FIELDS(N, B)                                                         \
    N(302, 8, 1)                     /* selectorId, the scope */                              \
    N(304, 2, 1)                     /* selectorAlgorithm: systematic count-based sampling */ \
    N(305, 4, 1)                     /* samplingPacketInterval: packets taken ... */          \
    N(306, 4, encoder->sampling - 1) /* samplingPacketSpace: ... and packets left */

#define IPFIX_RANDOM_FIELDS(N, B)                                                                        \
    N(302, 8, 1)                                          /* selectorId, the scope */                    \
    N(304, 2, 4)                                          /* selectorAlgorithm: uniform probabilistic */ \
    N(311, 8, real_bits(1.0 / (double)encoder->sampling)) /* samplingProbability */

#define IPFIX_STATISTICS_FIELDS(N, B)                                           \
    N(149, 4, encoder->domain)             /* observationDomainId, the scope */ \
    N(40, 8, statistics->octets)           /* exportedOctetTotalCount */        \
    N(41, 8, statistics->messages)         /* exportedMessageTotalCount */      \
    N(42, 8, statistics->flows)            /* exportedFlowRecordTotalCount */   \
    N(135, 8, statistics->packets_dropped) /* droppedPacketTotalCount */        \
    N(166, 8, statistics->flows_not_sent)  /* notSentFlowTotalCount */          \
    N(239, 1, encoder->uniflow ? 0 : 1)    /* biflowDirection: by initiator */

/* The same in elements of old: collectors that do not know samplingProbability multiply by these. */
#define IPFIX_RATE_FIELDS(N, B)                                                      \
    N(149, 4, encoder->domain)        /* observationDomainId, the scope */           \
    N(34, 4, encoder->sampling)       /* samplingInterval: one of so many packets */ \
    N(35, 1, encoder->random ? 2 : 1) /* samplingAlgorithm: deterministic or random */

static const struct ipfix_field systematic_fields[] = {IPFIX_SYSTEMATIC_FIELDS(IPFIX_DESCRIBE, IPFIX_DESCRIBE)};
static const struct ipfix_field random_fields[] = {IPFIX_RANDOM_FIELDS(IPFIX_DESCRIBE, IPFIX_DESCRIBE)};
static const struct ipfix_field rate_fields[] = {IPFIX_RATE_FIELDS(IPFIX_DESCRIBE, IPFIX_DESCRIBE)};
static const struct ipfix_field statistics_fields[] = {IPFIX_STATISTICS_FIELDS(IPFIX_DESCRIBE, IPFIX_DESCRIBE)};
static const struct ipfix_field interface_fields[] = {{10, 4}, {82, VARIABLE_LENGTH}}; /* ingressInterface, its name */

static inline uint64_t real_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void ipfix_encoder_prepare(struct ipfix_encoder *encoder)
{
    for (uint8_t form = 0; form < IPFIX_FLOW_TEMPLATES; form++)
        encoder->record_size[form] = ipfix_form_size(form);
}

/* ---- Messages and sets ----------------------------------------------------------------------------------------- */

/* A message that is being written. `set` is where its present set begins; NULL = none is open. */
struct writer {
    struct ipfix_encoder *encoder;
    struct ipfix_output *output;
    uint8_t *begin;
    uint8_t *at;
    uint8_t *set;
    uint16_t set_id;
    uint32_t records;
    uint32_t flows;
};

/* False where the output may be too small for a message. */
static bool message_begin(struct writer *writer)
{
    struct ipfix_output *output = writer->output;

    if (output->message_count == output->message_room || output->room - output->used < writer->encoder->message_size)
        return false;
    writer->begin = output->bytes + output->used;
    writer->at = writer->begin + MESSAGE_HEADER;
    writer->set = NULL;
    writer->records = 0;
    writer->flows = 0;
    return true;
}

static void set_end(struct writer *writer)
{
    if (writer->set)
        ipfix_put_number(writer->set + 2, 2, (uint64_t)(writer->at - writer->set));
    writer->set = NULL;
}

static void message_end(struct writer *writer)
{
    struct ipfix_output *output = writer->output;
    struct ipfix_encoder *encoder = writer->encoder;
    uint32_t size = (uint32_t)(writer->at - writer->begin);
    uint8_t *header = writer->begin;

    set_end(writer);
    header = ipfix_put_number(header, 2, VERSION);
    header = ipfix_put_number(header, 2, size);
    header = ipfix_put_number(header, 4, output->time);
    header = ipfix_put_number(header, 4, encoder->sequence);
    ipfix_put_number(header, 4, encoder->domain);
    output->message[output->message_count++] = (struct ipfix_message){
        .at = (uint32_t)output->used,
        .size = size,
        .records = writer->records,
        .flows = writer->flows,
    };
    output->used += size;
    encoder->sequence += writer->records;
}

/* Room for `size` bytes in a set of `id`: in the open one, in a new one, in a new message. False: the output is full. */
static bool set_reserve(struct writer *writer, uint16_t id, uint32_t size)
{
    bool same = writer->set && writer->set_id == id;
    uint32_t need = size + (same ? 0 : SET_HEADER);

    if ((uint32_t)(writer->at - writer->begin) + need > writer->encoder->message_size) {
        message_end(writer);
        if (!message_begin(writer))
            return false;
        same = false;
    }
    if (same)
        return true;
    set_end(writer);
    writer->set = writer->at;
    writer->set_id = id;
    writer->at = ipfix_put_number(writer->at, 2, id) + 2;
    return true;
}

/* ---- Templates ------------------------------------------------------------------------------------------------- */

static bool put_template(struct writer *writer, uint8_t form)
{
    if (!set_reserve(writer, TEMPLATE_SET, ipfix_template_size(form)))
        return false;
    writer->at = ipfix_put_template(writer->at, form);
    return true;
}

static bool put_options_template(struct writer *writer, uint16_t id, const struct ipfix_field *field, uint32_t count)
{
    set_end(writer); /* nfacctd 1.7.7 cannot find the second options template of a set */
    if (!set_reserve(writer, OPTIONS_TEMPLATE_SET, 6 + 4 * count))
        return false;
    writer->at = ipfix_put_number(writer->at, 2, id);
    writer->at = ipfix_put_number(writer->at, 2, count);
    writer->at = ipfix_put_number(writer->at, 2, 1); /* one scope field */
    writer->at = ipfix_put_fields(writer->at, field, count, false);
    return true;
}

#define COUNT_OF(fields) (sizeof(fields) / sizeof(fields)[0])

int ipfix_write_templates(struct ipfix_encoder *encoder, struct ipfix_output *output)
{
    struct writer writer = {.encoder = encoder, .output = output};
    uint8_t forms = encoder->uniflow ? IPFIX_FLOW_TEMPLATES / 2 : IPFIX_FLOW_TEMPLATES;
    bool put = message_begin(&writer);

    if (!put)
        return -1;
    for (uint8_t form = 0; put && form < forms; form++)
        put = put_template(&writer, form);
    put = put &&
          (encoder->random
               ? put_options_template(&writer, RANDOM_TEMPLATE, random_fields, COUNT_OF(random_fields))
               : put_options_template(&writer, SYSTEMATIC_TEMPLATE, systematic_fields, COUNT_OF(systematic_fields)));
    put = put && put_options_template(&writer, INTERFACE_TEMPLATE, interface_fields, COUNT_OF(interface_fields));
    put = put && put_options_template(&writer, STATISTICS_TEMPLATE, statistics_fields, COUNT_OF(statistics_fields));
    put = put &&
          (encoder->sampling <= 1 || put_options_template(&writer, RATE_TEMPLATE, rate_fields, COUNT_OF(rate_fields)));
    if (!put)
        return -1;
    message_end(&writer);
    return 0;
}

/* ---- Options --------------------------------------------------------------------------------------------------- */

static bool put_sampling(struct writer *writer)
{
    const struct ipfix_encoder *encoder = writer->encoder;
    uint8_t *to;

    if (!set_reserve(writer, encoder->random ? RANDOM_TEMPLATE : SYSTEMATIC_TEMPLATE,
                     encoder->random ? (0 IPFIX_RANDOM_FIELDS(IPFIX_SIZE, IPFIX_SIZE))
                                     : (0 IPFIX_SYSTEMATIC_FIELDS(IPFIX_SIZE, IPFIX_SIZE))))
        return false;
    to = writer->at;
    if (encoder->random) {
        IPFIX_RANDOM_FIELDS(IPFIX_NUMBER, IPFIX_BYTES)
    } else {
        IPFIX_SYSTEMATIC_FIELDS(IPFIX_NUMBER, IPFIX_BYTES)
    }
    writer->at = to;
    writer->records++;
    return true;
}

static bool put_rate(struct writer *writer)
{
    const struct ipfix_encoder *encoder = writer->encoder;
    uint8_t *to;

    if (encoder->sampling <= 1)
        return true;
    if (!set_reserve(writer, RATE_TEMPLATE, (0 IPFIX_RATE_FIELDS(IPFIX_SIZE, IPFIX_SIZE))))
        return false;
    to = writer->at;
    IPFIX_RATE_FIELDS(IPFIX_NUMBER, IPFIX_BYTES)
    writer->at = to;
    writer->records++;
    return true;
}

/* The name has the length that it has (RFC 7011, 7): no zeros behind it. */
static bool put_interface(struct writer *writer, uint32_t link)
{
    const struct ipfix_encoder *encoder = writer->encoder;
    uint32_t length = (uint32_t)strnlen(encoder->interface_name[link], sizeof encoder->interface_name[link]);

    if (length == 0)
        return true;
    if (!set_reserve(writer, INTERFACE_TEMPLATE, 4 + 1 + length))
        return false;
    writer->at = ipfix_put_number(writer->at, 4, encoder->interface[link]);
    writer->at = ipfix_put_number(writer->at, 1, length);
    writer->at = ipfix_put_bytes(writer->at, length, encoder->interface_name[link]);
    writer->records++;
    return true;
}

static bool put_statistics(struct writer *writer, const struct ipfix_statistics *statistics)
{
    const struct ipfix_encoder *encoder = writer->encoder;
    uint8_t *to;

    if (!set_reserve(writer, STATISTICS_TEMPLATE, (0 IPFIX_STATISTICS_FIELDS(IPFIX_SIZE, IPFIX_SIZE))))
        return false;
    to = writer->at;
    IPFIX_STATISTICS_FIELDS(IPFIX_NUMBER, IPFIX_BYTES)
    writer->at = to;
    writer->records++;
    return true;
}

int ipfix_write_options(struct ipfix_encoder *encoder, const struct ipfix_statistics *statistics,
                        struct ipfix_output *output)
{
    struct writer writer = {.encoder = encoder, .output = output};

    if (!message_begin(&writer) || !put_sampling(&writer) || !put_rate(&writer))
        return -1;
    for (uint32_t link = 0; link < XTOP_MAX_LINKS; link++)
        if (!put_interface(&writer, link))
            return -1;
    if (!put_statistics(&writer, statistics))
        return -1;
    message_end(&writer);
    return 0;
}

/* ---- Flows ----------------------------------------------------------------------------------------------------- */

/* The flow as end `from` began it, `both` directions or its own alone. */
static struct ipfix_flow flow_of(const struct ipfix_encoder *encoder, const struct xtop_record *record, uint32_t from,
                                 bool both)
{
    struct ipfix_flow flow = {
        .key = &record->key,
        .from = from,
        .id = hash_key(&record->key, HASH_FLOW_ID_SEED),
        .first_seen = record_first_seen(record),
        .last_seen = record_last_seen(record),
        .interface = encoder->interface[record->link],
        .egress = record->direction[from].ip_flags & XTOP_IP_EGRESS,
        .reason = (uint8_t)(record->end_reason ? record->end_reason : encoder->live_reason),
        .form = ipfix_form(record, both),
    };

    flow.side[0] = flow_side_of(record, from);
    if (both)
        flow.side[1] = flow_side_of(record, !from);
    return flow;
}

static void put_flow(struct writer *writer, const struct ipfix_flow *flow)
{
    writer->at = ipfix_put_flow(writer->at, flow);
    writer->records++;
}

/* One record, or with uniflow one or two of the same template. */
static bool write_flow(struct writer *writer, const struct xtop_record *record)
{
    const struct ipfix_encoder *encoder = writer->encoder;
    uint32_t from = record->initiator & 1;
    bool there = record->direction[from].packets != 0, back = record->direction[!from].packets != 0;
    bool both = back && !encoder->uniflow;
    struct ipfix_flow flow = flow_of(encoder, record, there || both ? from : !from, both);
    uint32_t records = encoder->uniflow && there && back ? 2 : 1;

    if (!set_reserve(writer, (uint16_t)(IPFIX_FIRST_TEMPLATE + flow.form), records * encoder->record_size[flow.form]))
        return false;
    put_flow(writer, &flow);
    if (records == 2) {
        flow = flow_of(encoder, record, !from, false);
        put_flow(writer, &flow);
    }
    writer->flows++;
    return true;
}

void ipfix_write_flows(struct ipfix_encoder *encoder, const void *first, uint64_t stride, uint64_t count, uint64_t *at,
                       struct ipfix_output *output)
{
    struct writer writer = {.encoder = encoder, .output = output};
    bool open = *at < count && message_begin(&writer);

    while (open && *at < count) {
        open = write_flow(&writer, (const struct xtop_record *)((uintptr_t)first + *at * stride));
        *at += open;
    }
    if (open)
        message_end(&writer);
}
