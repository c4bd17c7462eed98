/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flow as an IPFIX data record, and the template that describes such records: groups of elements, each described and
 * written from the same rows (ipfix_elements.h). Knows no messages.
 */
#ifndef XTOP_IPFIX_FLOW_H
#define XTOP_IPFIX_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_side.h"

/* A record, as the elements see it. */
struct ipfix_flow {
    const struct xtop_key *key;
    uint32_t from;            /* the end of the key that is the source */
    struct flow_side side[2]; /* what the source sent; what came back */
    uint64_t id;
    uint64_t first_seen; /* ns, of either direction */
    uint64_t last_seen;
    uint32_t interface;
    bool egress; /* it left this host */
    uint8_t reason;
    uint8_t form; /* 0 .. IPFIX_FLOW_TEMPLATES - 1, as ipfix_encode.h numbers templates */
};

/* The form for a flow, with one direction or `both`. */
uint8_t ipfix_form(const struct xtop_record *record, bool both);

/* Octets of a record of a form, and of the template record that describes it. */
uint32_t ipfix_form_size(uint8_t form);
uint32_t ipfix_template_size(uint8_t form);

/* Write one, and return where it ends. */
uint8_t *ipfix_put_template(uint8_t *to, uint8_t form);
uint8_t *ipfix_put_flow(uint8_t *to, const struct ipfix_flow *flow);

/* Fields as they stand in templates, for who has fields of another kind. */
struct ipfix_field {
    uint16_t element;
    uint16_t size;
};

uint8_t *ipfix_put_fields(uint8_t *to, const struct ipfix_field *field, uint32_t count, bool reverse);

#endif
