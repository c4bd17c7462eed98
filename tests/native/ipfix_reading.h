/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small IPFIX collector for tests, written from RFC 7011 and not from the encoder: it learns templates from the bytes
 * and hands out data records. It fails the test where a message breaks a rule.
 */
#ifndef XTOP_IPFIX_READING_H
#define XTOP_IPFIX_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READING_FIELDS 64
#define READING_TEMPLATES 64
#define REVERSE 29305u

struct reading_field {
    uint32_t enterprise;
    uint16_t element;
    uint16_t size;
};

struct reading_template {
    uint16_t id; /* 0 = not known */
    uint16_t fields;
    uint16_t scopes; /* 0: of data records */
    struct reading_field field[READING_FIELDS];
};

/* A data record: where each field of its template lies. */
struct reading_record {
    const struct reading_template *template;
    const uint8_t *value[READING_FIELDS];
    uint16_t size[READING_FIELDS];
};

struct reading {
    struct reading_template template[READING_TEMPLATES];
    uint32_t expected_sequence;
    uint32_t domain;
    uint32_t time;
    uint32_t records; /* of the last message */
    void (*record)(void *context, const struct reading_record *record);
    void *context;
};

/* Takes in one message of `size` bytes. */
void reading_message(struct reading *reading, const uint8_t *message, size_t size);

const struct reading_template *reading_template(const struct reading *reading, uint16_t id);

/* Where the field lies in the template; -1: it is not in it. */
int reading_find(const struct reading_template *template, uint32_t enterprise, uint16_t element);

/* The field's number; fails the test where the record has none. */
uint64_t reading_number(const struct reading_record *record, uint32_t enterprise, uint16_t element);

#endif
