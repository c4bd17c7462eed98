/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipfix_reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint64_t number(const uint8_t *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

static struct reading_template *template_slot(struct reading *reading, uint16_t id)
{
    for (int i = 0; i < READING_TEMPLATES; i++)
        if (reading->template[i].id == id || reading->template[i].id == 0)
            return &reading->template[i];
    fail_msg("too many templates");
    return NULL;
}

const struct reading_template *reading_template(const struct reading *reading, uint16_t id)
{
    for (int i = 0; i < READING_TEMPLATES; i++)
        if (reading->template[i].id == id)
            return &reading->template[i];
    return NULL;
}

int reading_find(const struct reading_template *template, uint32_t enterprise, uint16_t element)
{
    for (int i = 0; i < template->fields; i++)
        if (template->field[i].enterprise == enterprise && template->field[i].element == element)
            return i;
    return -1;
}

uint64_t reading_number(const struct reading_record *record, uint32_t enterprise, uint16_t element)
{
    int at = reading_find(record->template, enterprise, element);

    if (at < 0)
        fail_msg("template %u has no element %u/%u", record->template->id, enterprise, element);
    return number(record->value[at], record->size[at]);
}

/* One template record; returns where it ends. */
static const uint8_t *take_template(struct reading *reading, const uint8_t *at, const uint8_t *end, bool options)
{
    struct reading_template taken = {.id = (uint16_t)number(at, 2), .fields = (uint16_t)number(at + 2, 2)};

    assert_in_range(taken.id, 256, 65535);
    assert_in_range(taken.fields, 1, READING_FIELDS);
    if (options) {
        taken.scopes = (uint16_t)number(at + 4, 2);
        assert_in_range(taken.scopes, 1, taken.fields);
    }
    at += options ? 6 : 4;
    for (int i = 0; i < taken.fields; i++) {
        uint16_t element = (uint16_t)number(at, 2);

        taken.field[i].element = element & 0x7fff;
        taken.field[i].size = (uint16_t)number(at + 2, 2);
        if (element & 0x8000)
            taken.field[i].enterprise = (uint32_t)number(at + 4, 4);
        at += element & 0x8000 ? 8 : 4;
        assert_true(at <= end);
    }
    *template_slot(reading, taken.id) = taken;
    return at;
}

static const uint8_t *take_record(struct reading *reading, const struct reading_template *template, const uint8_t *at,
                                  const uint8_t *end)
{
    struct reading_record record = {.template = template};

    for (int i = 0; i < template->fields; i++) {
        uint16_t size = template->field[i].size;

        if (size == 65535) {
            size = *at++;
            assert_true(size < 255); /* longer ones have a length of three octets: no test needs them */
        }
        record.value[i] = at;
        record.size[i] = size;
        at += size;
        assert_true(at <= end);
    }
    reading->records++;
    if (reading->record)
        reading->record(reading->context, &record);
    return at;
}

static void take_set(struct reading *reading, uint16_t id, const uint8_t *at, const uint8_t *end)
{
    assert_true(at < end); /* an empty set says nothing */
    while (at < end) {
        if (id == 2 || id == 3) {
            at = take_template(reading, at, end, id == 3);
        } else {
            const struct reading_template *template = reading_template(reading, id);

            if (!template)
                fail_msg("a record of template %u came before the template", id);
            at = take_record(reading, template, at, end);
        }
    }
}

void reading_message(struct reading *reading, const uint8_t *message, size_t size)
{
    const uint8_t *end = message + size;
    const uint8_t *at = message + 16;

    assert_true(size >= 16);
    assert_int_equal(number(message, 2), 10);
    assert_int_equal(number(message + 2, 2), size);
    reading->time = (uint32_t)number(message + 4, 4);
    assert_int_equal(number(message + 8, 4), reading->expected_sequence);
    reading->domain = (uint32_t)number(message + 12, 4);
    reading->records = 0;
    while (at < end) {
        uint16_t id = (uint16_t)number(at, 2);
        size_t length = number(at + 2, 2);

        assert_true(length >= 4 && at + length <= end);
        take_set(reading, id, at + 4, at + length);
        at += length;
    }
    assert_true(at == end);
    reading->expected_sequence += reading->records;
}
