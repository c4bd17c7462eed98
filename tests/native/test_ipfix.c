/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPFIX messages by their bytes: what a collector that knows RFC 7011 alone reads out of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/hash.h"
#include "capture/ipfix_encode.h"
#include "capture/reader.h"
#include "ipfix_reading.h"
#include "table_fixture.h"

#define ROOM (4 << 20)
#define MESSAGES 20000

struct stream {
    struct ipfix_encoder encoder;
    struct ipfix_output output;
    struct reading reading;
    uint32_t seen; /* messages the reading has had */
};

static struct stream stream_open(uint32_t message_size, uint32_t uniflow)
{
    struct stream stream = {
        .encoder = {.domain = 7,
                    .interface = {3, 7},
                    .uniflow = uniflow,
                    .live_reason = 4,
                    .message_size = message_size,
                    .sampling = 1},
        .output = {.bytes = malloc(ROOM),
                   .room = ROOM,
                   .message = calloc(MESSAGES, sizeof(struct ipfix_message)),
                   .message_room = MESSAGES,
                   .time = 1700000000},
    };

    assert_non_null(stream.output.bytes);
    assert_non_null(stream.output.message);
    memset(stream.output.bytes, 0xee, ROOM);
    ipfix_encoder_prepare(&stream.encoder);
    return stream;
}

static void stream_close(struct stream *stream)
{
    free(stream->output.bytes);
    free(stream->output.message);
}

/* Reads the messages that were written since. */
static void stream_read(struct stream *stream)
{
    for (; stream->seen < stream->output.message_count; stream->seen++) {
        const struct ipfix_message *message = &stream->output.message[stream->seen];

        assert_in_range(message->size, 16, stream->encoder.message_size);
        reading_message(&stream->reading, stream->output.bytes + message->at, message->size);
        assert_int_equal(stream->reading.records, message->records);
        assert_int_equal(stream->reading.domain, 7);
        assert_int_equal(stream->reading.time, 1700000000);
    }
}

/* ---- Templates ------------------------------------------------------------------------------------------------- */

/* Octets by the abstract data types of IANA's registry. */
static const struct reading_field shared[] = {{0, 148, 8}, {0, 10, 4}, {0, 58, 2}, {0, 61, 1}, {0, 136, 1}, {0, 4, 1}};
static const struct reading_field keys[2][2] = {{{0, 8, 4}, {0, 12, 4}}, {{0, 27, 16}, {0, 28, 16}}};
static const struct reading_field ports[] = {{0, 7, 2}, {0, 11, 2}};
static const struct reading_field icmp[2] = {{0, 32, 2}, {0, 139, 2}};
static const struct reading_field counts[] = {{0, 1, 8}, {0, 2, 8},  {0, 152, 8}, {0, 153, 8},
                                              {0, 5, 1}, {0, 52, 1}, {0, 53, 1},  {0, 197, 1}};
static const struct reading_field headers[2] = {{0, 208, 4}, {0, 64, 4}};
static const struct reading_field tcp[2][2] = {{{0, 6, 1}, {0, 209, 8}}, {{0, 6, 2}, {0, 209, 8}}};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static uint32_t check_fields(const struct reading_template *template, const struct reading_field *field, size_t count,
                             uint32_t enterprise)
{
    for (size_t i = 0; i < count; i++) {
        int at = reading_find(template, enterprise, field[i].element);

        if (at < 0)
            fail_msg("template %u lacks %u/%u", template->id, enterprise, field[i].element);
        assert_int_equal(template->field[at].size, field[i].size);
    }
    return (uint32_t)count;
}

static void check_template(const struct reading *reading, uint32_t number)
{
    const struct reading_template *template = reading_template(reading, (uint16_t)(256 + number));
    uint32_t kind = number % 4, family = number / 4 % 2, fields = 0;

    assert_non_null(template);
    assert_int_equal(template->scopes, 0);
    fields += check_fields(template, shared, COUNT_OF(shared), 0);
    fields += check_fields(template, keys[family], 2, 0);
    fields += kind == 2 ? check_fields(template, &icmp[family], 1, 0) : check_fields(template, ports, 2, 0);
    for (uint32_t enterprise = 0; enterprise <= (number >= 8 ? REVERSE : 0); enterprise += REVERSE) {
        fields += check_fields(template, counts, COUNT_OF(counts), enterprise);
        fields += check_fields(template, &headers[family], 1, enterprise);
        fields += kind % 2 ? check_fields(template, tcp[kind / 2], 2, enterprise) : 0;
    }
    assert_int_equal(template->fields, fields);
}

static void test_templates(void **state)
{
    const uint32_t sizes[] = {IPFIX_LEAST_MESSAGE, 1452, IPFIX_MOST_MESSAGE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct stream stream = stream_open(sizes[i], 0);

        assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), 0);
        stream_read(&stream);
        for (uint32_t number = 0; number < IPFIX_FLOW_TEMPLATES; number++)
            check_template(&stream.reading, number);
        assert_int_equal(stream.encoder.sequence, 0); /* templates are no data records */
        stream_close(&stream);
    }
}

static void test_uniflow_has_no_reverse_templates(void **state)
{
    struct stream stream = stream_open(1452, 1);

    (void)state;
    assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), 0);
    stream_read(&stream);
    for (uint32_t number = 0; number < 8; number++)
        check_template(&stream.reading, number);
    for (uint16_t id = 264; id < 272; id++)
        assert_null(reading_template(&stream.reading, id));
    stream_close(&stream);
}

static void test_no_room_for_templates(void **state)
{
    struct stream stream = stream_open(512, 0);

    (void)state;
    stream.output.room = 2000;
    assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), -1);
    assert_true(stream.output.used <= 2000);
    assert_int_equal(stream.output.bytes[2000], 0xee);
    stream_close(&stream);
}

/* ---- Records --------------------------------------------------------------------------------------------------- */

#define MS UINT64_C(1000000)

/* TCP 192.0.2.1:443 (end 0) and 198.51.100.2:40000 (end 1), which began it. */
static struct xtop_record sample_tcp(void)
{
    struct xtop_record record = {
        .key = {.address = {{192, 0, 2, 1}, {198, 51, 100, 2}},
                .port = {443, 40000},
                .vlan = 12,
                .protocol = 6,
                .ip_version = 4},
        .initiator = 1,
        .end_reason = XTOP_END_TCP,
        .first_seen = {1001 * MS + 999999, 1000 * MS},
        .last_seen = {2001 * MS, 2000 * MS + 1},
        .tcp_options = {1u << 2 | 1u << 8, UINT64_C(1) << 2 | UINT64_C(1) << 34},
        .ipv4_options = {0, 1u << 20},
    };

    record.direction[0] = (struct xtop_direction){
        .packets = 5, .bytes = 5000, .tcp_flags = 0x112, .ttl_min = 50, .ttl_max = 52, .dscp = 0};
    record.direction[1] = (struct xtop_direction){.packets = 7,
                                                  .bytes = UINT64_C(1) << 33,
                                                  .tcp_flags = 0x1b,
                                                  .ttl_min = 63,
                                                  .ttl_max = 64,
                                                  .dscp = 46,
                                                  .ip_flags = XTOP_IP_DONT_FRAGMENT | XTOP_IP_MORE_FRAGMENTS |
                                                              XTOP_IP_FRAGMENT | XTOP_IP_EGRESS};
    return record;
}

struct expectation {
    uint32_t enterprise;
    uint16_t element;
    uint64_t value;
};

/* What one test expects of the records of one flow, in order. */
struct expected_records {
    const struct expectation *record[2];
    uint16_t template[2];
    uint32_t count;
    uint32_t seen;
};

static void expect_record(void *context, const struct reading_record *record)
{
    struct expected_records *expected = context;

    assert_true(expected->seen < expected->count);
    assert_int_equal(record->template->id, expected->template[expected->seen]);
    for (const struct expectation *one = expected->record[expected->seen]; one->element; one++) {
        uint64_t value = reading_number(record, one->enterprise, one->element);

        if (value != one->value)
            fail_msg("element %u/%u is %llu, not %llu", one->enterprise, one->element, (unsigned long long)value,
                     (unsigned long long)one->value);
    }
    expected->seen++;
}

static void check_flow(const struct xtop_record *record, uint32_t uniflow, struct expected_records expected)
{
    struct stream stream = stream_open(1452, uniflow);
    uint64_t at = 0;

    assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), 0);
    stream_read(&stream);
    stream.reading.record = expect_record;
    stream.reading.context = &expected;
    ipfix_write_flows(&stream.encoder, record, sizeof *record, 1, &at, &stream.output);
    assert_int_equal(at, 1);
    stream_read(&stream);
    assert_int_equal(expected.seen, expected.count);
    assert_int_equal(stream.output.message[stream.output.message_count - 1].flows, 1);
    stream_close(&stream);
}

static void test_biflow(void **state)
{
    static const struct expectation there[] = {{0, 8, 0xc6336402},
                                               {0, 12, 0xc0000201},
                                               {0, 7, 40000},
                                               {0, 11, 443},
                                               {0, 4, 6},
                                               {0, 58, 12},
                                               {0, 10, 3},
                                               {0, 61, 1},
                                               {0, 136, 3},
                                               {0, 2, 7},
                                               {0, 1, UINT64_C(1) << 33},
                                               {0, 152, 1000},
                                               {0, 153, 2000},
                                               {0, 5, 184},
                                               {0, 52, 63},
                                               {0, 53, 64},
                                               {0, 197, 0x60},
                                               {0, 208, 1u << 20},
                                               {0, 6, 0x1b},
                                               {0, 209, UINT64_C(1) << 2 | UINT64_C(1) << 34},
                                               {REVERSE, 2, 5},
                                               {REVERSE, 1, 5000},
                                               {REVERSE, 152, 1001},
                                               {REVERSE, 153, 2001},
                                               {REVERSE, 5, 0},
                                               {REVERSE, 52, 50},
                                               {REVERSE, 53, 52},
                                               {REVERSE, 197, 0},
                                               {REVERSE, 208, 0},
                                               {REVERSE, 6, 0x112},
                                               {REVERSE, 209, 0x104},
                                               {0}};
    struct xtop_record record = sample_tcp();

    (void)state;
    check_flow(&record, 0, (struct expected_records){.record = {there}, .template = {267}, .count = 1});
}

static void test_uniflow(void **state)
{
    static const struct expectation there[] = {{0, 8, 0xc6336402}, {0, 12, 0xc0000201}, {0, 7, 40000},  {0, 11, 443},
                                               {0, 2, 7},          {0, 6, 0x1b},        {0, 152, 1000}, {0}};
    static const struct expectation back[] = {{0, 8, 0xc0000201}, {0, 12, 0xc6336402}, {0, 7, 443},
                                              {0, 11, 40000},     {0, 2, 5},           {0, 6, 0x112},
                                              {0, 152, 1001},     {0, 136, 3},         {0}};
    struct xtop_record record = sample_tcp();

    (void)state;
    check_flow(&record, 1, (struct expected_records){.record = {there, back}, .template = {259, 259}, .count = 2});
}

/* After an active timeout only the responder may speak: the flow keeps its direction, and has no time in 1970. */
static void test_silent_initiator(void **state)
{
    static const struct expectation there[] = {
        {0, 8, 0xc6336402}, {0, 7, 40000},        {0, 2, 0}, {0, 1, 0}, {0, 152, 1001}, {0, 153, 2001}, {0, 6, 0},
        {REVERSE, 2, 5},    {REVERSE, 152, 1001}, {0}};
    static const struct expectation back[] = {{0, 8, 0xc0000201}, {0, 7, 443},    {0, 61, 0},
                                              {0, 2, 5},          {0, 152, 1001}, {0}};
    struct xtop_record record = sample_tcp();

    (void)state;
    record.direction[1].packets = 0;
    record.first_seen[1] = record.last_seen[1] = 0;
    check_flow(&record, 0, (struct expected_records){.record = {there}, .template = {267}, .count = 1});
    check_flow(&record, 1, (struct expected_records){.record = {back}, .template = {259}, .count = 1});
}

/* Nobody answered: no reverse elements. It lives, so the encoder's own reason is given. */
static void test_one_direction(void **state)
{
    static const struct expectation there[] = {{0, 8, 0xc6336402}, {0, 2, 7}, {0, 136, 4}, {0, 6, 0x1b}, {0}};
    struct xtop_record record = sample_tcp();

    (void)state;
    record.direction[0] = (struct xtop_direction){0};
    record.end_reason = XTOP_END_NONE; /* and no AE: one octet of flags */
    check_flow(&record, 0, (struct expected_records){.record = {there}, .template = {257}, .count = 1});
}

static void test_icmp(void **state)
{
    static const struct expectation request[] = {{0, 32, 8 << 8}, {0, 4, 1}, {REVERSE, 2, 2}, {0}};
    static const struct expectation reply[] = {{0, 32, 0}, {0, 2, 2}, {0}};
    struct xtop_record record = {
        .key = {.address = {{10, 0, 0, 1}, {10, 0, 0, 2}}, .port = {0, 8 << 8}, .protocol = 1, .ip_version = 4},
        .first_seen = {1, 1}};

    (void)state;
    record.direction[0].packets = 3;
    record.direction[1].packets = 2;
    check_flow(&record, 0, (struct expected_records){.record = {request}, .template = {266}, .count = 1});
    record.direction[0].packets = 0;
    record.initiator = 1; /* the reply alone was seen */
    check_flow(&record, 0, (struct expected_records){.record = {reply}, .template = {258}, .count = 1});
}

static void test_ipv6(void **state)
{
    /* IANA: DST 0, HOP 1, FRA0 4, RH 5, FRA1 6, MOB 12, ESP 13, AH 14 */
    static const struct expectation first[] = {{0, 139, 128 << 8}, {0, 64, 0x7033 | 0x40}, {0, 197, 0x20}, {0}};
    static const struct expectation second[] = {{0, 64, 0x10}, {0, 7, 5}, {0, 11, 6}, {0, 4, 132}, {0}};
    struct xtop_record record = {
        .key = {.address = {{0x20, 1}, {0x20, 2}}, .port = {0, 128 << 8}, .protocol = 58, .ip_version = 6},
        .first_seen = {1, 1},
        .ipv6_extensions = {0x7f, 0}};

    (void)state;
    record.direction[0].packets = 1;
    record.direction[0].ip_flags = XTOP_IP_FRAGMENT | XTOP_IP_MORE_FRAGMENTS;
    check_flow(&record, 0, (struct expected_records){.record = {first}, .template = {262}, .count = 1});
    record.key.protocol = 132;
    record.key.port[0] = 5;
    record.key.port[1] = 6;
    record.direction[0].ip_flags = XTOP_IP_FRAGMENT;
    record.ipv6_extensions[0] = XTOP_EXT_FRAGMENT;
    check_flow(&record, 0, (struct expected_records){.record = {second}, .template = {260}, .count = 1});
}

/* ---- Many ------------------------------------------------------------------------------------------------------ */

#define MANY 5000u

/* Every template in turn, so that sets open and close all the time, then long runs of one. */
static struct reader_row *many_rows(void)
{
    static const uint8_t protocols[] = {6, 17, 1, 58, 132, 6};
    struct reader_row *row = calloc(MANY, sizeof *row);

    assert_non_null(row);
    for (uint32_t i = 0; i < MANY; i++) {
        struct xtop_record *record = &row[i].record;

        record->key.ip_version = i < 3000 && i % 5 == 0 ? 6 : 4;
        record->key.protocol = i < 3000 ? protocols[i % 6] : 6;
        record->key.port[0] = 1;
        memcpy(record->key.address[0], &i, sizeof i);
        record->direction[0].packets = i + 1;
        record->direction[1].packets = i % 3;
        record->first_seen[0] = record->last_seen[0] = 1;
    }
    return row;
}

struct tally {
    uint64_t packets;
    uint32_t records;
};

static void tally_record(void *context, const struct reading_record *record)
{
    struct tally *tally = context;

    tally->records++;
    tally->packets += reading_number(record, 0, 2);
    if (reading_find(record->template, REVERSE, 2) >= 0)
        tally->packets += reading_number(record, REVERSE, 2);
}

/* Writes all rows by outputs of `room` bytes, reads them, and counts what came. */
static void check_many(uint32_t message_size, uint32_t uniflow, uint64_t room)
{
    struct stream stream = stream_open(message_size, uniflow);
    struct reader_row *row = many_rows();
    struct tally tally = {0};
    uint64_t at = 0, flows = 0, packets = 0, records = 0;

    assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), 0);
    stream_read(&stream);
    stream.reading.record = tally_record;
    stream.reading.context = &tally;
    while (at < MANY) {
        uint64_t before = at;

        stream.output.used = stream.output.message_count = stream.seen = 0;
        stream.output.room = room;
        ipfix_write_flows(&stream.encoder, row, sizeof *row, MANY, &at, &stream.output);
        assert_true(at > before && stream.output.used <= room);
        stream_read(&stream);
        for (uint32_t i = 0; i < stream.output.message_count; i++)
            flows += stream.output.message[i].flows;
        assert_int_equal(flows, at);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        packets += row[i].record.direction[0].packets + row[i].record.direction[1].packets;
        records += uniflow && row[i].record.direction[1].packets ? 2 : 1;
    }
    assert_int_equal(tally.packets, packets);
    assert_int_equal(tally.records, records);
    assert_int_equal(stream.encoder.sequence, records);
    free(row);
    stream_close(&stream);
}

static void test_many(void **state)
{
    (void)state;
    for (uint32_t uniflow = 0; uniflow < 2; uniflow++) {
        check_many(IPFIX_LEAST_MESSAGE, uniflow, ROOM);
        check_many(1452, uniflow, 1452);
        check_many(1452, uniflow, 5000);
        check_many(IPFIX_MOST_MESSAGE, uniflow, ROOM);
    }
}

static void test_sequence_wraps(void **state)
{
    struct stream stream = stream_open(IPFIX_LEAST_MESSAGE, 0);
    struct reader_row *row = many_rows();
    uint64_t at = 0;

    (void)state;
    assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), 0);
    stream_read(&stream);
    stream.encoder.sequence = stream.reading.expected_sequence = UINT32_MAX - 50;
    ipfix_write_flows(&stream.encoder, row, sizeof *row, 200, &at, &stream.output);
    stream_read(&stream);
    assert_int_equal(stream.encoder.sequence, 149);
    free(row);
    stream_close(&stream);
}

/* ---- Options --------------------------------------------------------------------------------------------------- */

static void options_record(void *context, const struct reading_record *record)
{
    struct stream *stream = context;

    assert_int_equal(record->template->scopes, 1);
    if (record->template->field[0].element == 302) {
        double probability = 0.01;
        uint64_t bits;

        memcpy(&bits, &probability, sizeof bits);
        assert_int_equal(reading_number(record, 0, 302), 1);
        assert_int_equal(reading_number(record, 0, 304), stream->encoder.random ? 4 : 1);
        if (stream->encoder.random) {
            assert_int_equal(reading_number(record, 0, 311), bits);
        } else {
            assert_int_equal(reading_number(record, 0, 305), 1);
            assert_int_equal(reading_number(record, 0, 306), 99);
        }
    } else if (record->template->field[0].element == 10) {
        assert_int_equal(reading_number(record, 0, 10), 3);
        assert_int_equal(record->size[1], 4);
        assert_memory_equal(record->value[1], "eth1", 4);
    } else if (record->template->field[1].element == 34) {
        assert_int_equal(reading_number(record, 0, 149), 7);
        assert_int_equal(reading_number(record, 0, 34), 100);
        assert_int_equal(reading_number(record, 0, 35), stream->encoder.random ? 2 : 1);
    } else {
        assert_int_equal(record->template->field[0].element, 149);
        assert_int_equal(reading_number(record, 0, 149), 7);
        assert_int_equal(reading_number(record, 0, 40), 1000);
        assert_int_equal(reading_number(record, 0, 41), 10);
        assert_int_equal(reading_number(record, 0, 42), 100);
        assert_int_equal(reading_number(record, 0, 135), 5);
        assert_int_equal(reading_number(record, 0, 166), 6);
        assert_int_equal(reading_number(record, 0, 239), 1);
    }
}

static void test_options(void **state)
{
    struct ipfix_statistics statistics = {1000, 10, 100, 5, 6};

    (void)state;
    for (uint32_t random = 0; random < 2; random++) {
        struct stream stream = stream_open(1452, 0);

        stream.encoder.sampling = 100;
        stream.encoder.random = random;
        strcpy(stream.encoder.interface_name[0], random ? "" : "eth1");
        assert_int_equal(ipfix_write_templates(&stream.encoder, &stream.output), 0);
        stream_read(&stream);
        stream.reading.record = options_record;
        stream.reading.context = &stream;
        assert_int_equal(ipfix_write_options(&stream.encoder, &statistics, &stream.output), 0);
        stream_read(&stream);
        assert_int_equal(stream.encoder.sequence, random ? 3 : 4); /* without a name, no record of one */
        stream_close(&stream);
    }
}

/* ---- The ring -------------------------------------------------------------------------------------------------- */

/* 100 flows end in a ring of 64: 36 are lost to a reader that slept, and it says so; the others come once each. */
static void test_taking_ended_flows(void **state)
{
    struct xtop_record taken[128];
    struct table_fixture fixture;
    struct reader *reader;
    char error[256];

    (void)state;
    fixture_open(&fixture, 1000, 64);
    reader = reader_open(fixture.segment.fd, error, sizeof error);
    assert_non_null(reader);
    for (uint32_t i = 0; i < 100; i++) {
        struct packet packet = fixture_packet(i, 0);

        fixture_feed(&fixture, &packet, START + i);
    }
    assert_int_equal(reader_take_ended(reader, taken, 128), 0);
    flow_table_sweep_all(&fixture.table, START + 100 * SECOND);
    assert_int_equal(reader_take_ended(reader, taken, 10), 10);
    assert_int_equal(reader_take_ended(reader, taken + 10, 118), 54);
    assert_int_equal(reader_ended_lost(reader), 36);
    for (int i = 1; i < 64; i++)
        assert_memory_not_equal(&taken[i].key, &taken[i - 1].key, sizeof taken[i].key);
    assert_int_equal(reader_take_ended(reader, taken, 128), 0);
    reader_close(reader);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_uniflow_has_no_reverse_templates),
        cmocka_unit_test(test_no_room_for_templates),
        cmocka_unit_test(test_biflow),
        cmocka_unit_test(test_uniflow),
        cmocka_unit_test(test_silent_initiator),
        cmocka_unit_test(test_one_direction),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_sequence_wraps),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_taking_ended_flows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
