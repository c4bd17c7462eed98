/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter's program: what the reader refuses to run, what each field answers, and that no bytes whatever, given as a
 * program, make it read or jump where it must not (run under AddressSanitizer by `make sanitize`).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "capture/reader_state.h"
#include "table_fixture.h"

#define BOTH FILTER_END_BOTH
#define SOURCE FILTER_END_SOURCE
#define DESTINATION FILTER_END_DESTINATION

static const struct filter_scene scene = {.now = START + 100 * SECOND, .per_second = 0.5};

static struct filter_instruction test_of(uint8_t field, uint8_t end, uint64_t least, uint64_t greatest)
{
    return (struct filter_instruction){
        .field = field, .end = end, .if_true = 2, .if_false = 1, .range.number = {least, greatest}};
}

static const struct filter_instruction reject = {.field = FILTER_REJECT};
static const struct filter_instruction accept = {.field = FILTER_ACCEPT};

/* One test with its two ends, run over `row`. */
static bool holds(struct filter_instruction test, const struct reader_row *row)
{
    struct filter_instruction program[] = {test, reject, accept};

    assert_null(filter_refusal(program, 3));
    return filter_matches(program, &scene, row);
}

/*
 * TCP from 10.0.0.9:40000, which lies at end 1 of the key, to 10.0.0.1:443: 3 packets there, 2 back, SYN and ACK.
 */
static struct reader_row tcp_row(void)
{
    struct reader_row row = {
        .record =
            {
                .key = {.address = {{10, 0, 0, 1}, {10, 0, 0, 9}},
                        .port = {443, 40000},
                        .vlan = 12,
                        .protocol = 6,
                        .ip_version = 4},
                .initiator = 1,
                .tcp_state = XTOP_TCP_ESTABLISHED,
                .first_seen = {START + 10 * SECOND, START + 8 * SECOND},
                .last_seen = {START + 20 * SECOND, START + 30 * SECOND},
                .retransmissions = {1, 4},
                .rtt_us = 321,
            },
        .rate_packets = {4, 6},
        .rate_bytes = {2000, 3000},
    };

    row.record.direction[1] = (struct xtop_direction){.packets = 3,
                                                      .out_of_order = 2,
                                                      .bytes = 1800,
                                                      .payload_bytes = 1680,
                                                      .tcp_flags = 0x18,
                                                      .ttl_min = 60,
                                                      .ttl_max = 64,
                                                      .dscp = 46};
    row.record.direction[0] = (struct xtop_direction){
        .packets = 2, .bytes = 200, .payload_bytes = 80, .tcp_flags = 0x12, .ttl_min = 128, .ttl_max = 128, .dscp = 0};
    return row;
}

struct number_case {
    uint8_t field;
    uint8_t end;
    uint64_t value; /* what the field must be: in value..value, in no range beside it */
};

static void check_numbers(const struct reader_row *row, const struct number_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct number_case *one = &cases[i];

        if (!holds(test_of(one->field, one->end, one->value, one->value), row) ||
            !holds(test_of(one->field, one->end, 0, UINT64_MAX), row) ||
            holds(test_of(one->field, one->end, one->value + 1, UINT64_MAX), row) ||
            (one->value && holds(test_of(one->field, one->end, 0, one->value - 1), row)))
            fail_msg("case %zu: field %u end %u is not %llu", i, one->field, one->end, (unsigned long long)one->value);
    }
}

static void test_numbers_of_a_flow(void **state)
{
    static const struct number_case cases[] = {
        {FILTER_IP_VERSION, BOTH, 4},
        {FILTER_PROTOCOL, BOTH, 6},
        {FILTER_PORT, SOURCE, 40000},
        {FILTER_PORT, DESTINATION, 443},
        {FILTER_VLAN, BOTH, 12},
        {FILTER_PACKETS, BOTH, 5},
        {FILTER_PACKETS, SOURCE, 3},
        {FILTER_PACKETS, DESTINATION, 2},
        {FILTER_BYTES, BOTH, 2000},
        {FILTER_BYTES, SOURCE, 1800},
        {FILTER_PAYLOAD_BYTES, BOTH, 1760},
        {FILTER_PAYLOAD_BYTES, DESTINATION, 80},
        {FILTER_RETRANSMISSIONS, BOTH, 5},
        {FILTER_RETRANSMISSIONS, SOURCE, 4},
        {FILTER_OUT_OF_ORDER, BOTH, 2},
        {FILTER_OUT_OF_ORDER, DESTINATION, 0},
        {FILTER_DSCP, SOURCE, 46},
        {FILTER_DSCP, DESTINATION, 0},
        {FILTER_TTL, DESTINATION, 128},
        {FILTER_DURATION, BOTH, 22 * SECOND},
        {FILTER_AGE, BOTH, 92 * SECOND},
        {FILTER_IDLE, BOTH, 70 * SECOND},
        {FILTER_RTT, BOTH, 321},
        {FILTER_TCP_STATE, BOTH, XTOP_TCP_ESTABLISHED},
        {FILTER_END_REASON, BOTH, XTOP_END_NONE},
    };
    struct reader_row row = tcp_row();

    (void)state;
    check_numbers(&row, cases, sizeof cases / sizeof *cases);
}

static void test_a_ttl_is_a_span(void **state)
{
    struct reader_row row = tcp_row();

    (void)state;
    assert_true(holds(test_of(FILTER_TTL, SOURCE, 0, 60), &row));
    assert_true(holds(test_of(FILTER_TTL, SOURCE, 62, 62), &row));
    assert_true(holds(test_of(FILTER_TTL, SOURCE, 64, 255), &row));
    assert_false(holds(test_of(FILTER_TTL, SOURCE, 0, 59), &row));
    assert_false(holds(test_of(FILTER_TTL, SOURCE, 65, 255), &row));
}

static void test_an_age_is_never_negative(void **state)
{
    struct reader_row row = tcp_row();

    (void)state;
    row.record.first_seen[0] = row.record.first_seen[1] = scene.now + 5; /* a record newer than the look's clock */
    row.record.last_seen[0] = row.record.last_seen[1] = scene.now + 6;
    assert_true(holds(test_of(FILTER_AGE, BOTH, 0, 0), &row));
    assert_true(holds(test_of(FILTER_IDLE, BOTH, 0, 0), &row));
}

static struct filter_instruction address_test(uint8_t field, uint8_t end, const uint8_t value[16], uint32_t prefix)
{
    struct filter_instruction test = test_of(field, end, 0, 0);

    memcpy(test.range.address[0], value, 16);
    memset(test.range.address[1], 0, 16);
    for (uint32_t bit = 0; bit < prefix; bit++)
        test.range.address[1][bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    return test;
}

static void test_addresses(void **state)
{
    static const uint8_t source[16] = {10, 0, 0, 9}, ten[16] = {10}, nine[16] = {9}, high[16] = {10, 0, 0, 8};
    struct reader_row row = tcp_row();

    (void)state;
    assert_true(holds(address_test(FILTER_ADDRESS_V4, SOURCE, source, 32), &row));
    assert_false(holds(address_test(FILTER_ADDRESS_V4, DESTINATION, source, 32), &row));
    assert_true(holds(address_test(FILTER_ADDRESS_V4, DESTINATION, ten, 8), &row));
    assert_false(holds(address_test(FILTER_ADDRESS_V4, DESTINATION, nine, 8), &row));
    assert_true(holds(address_test(FILTER_ADDRESS_V4, SOURCE, high, 29), &row)); /* .8 to .15 holds .9, not .1 */
    assert_false(holds(address_test(FILTER_ADDRESS_V4, DESTINATION, high, 29), &row));
    assert_false(holds(address_test(FILTER_ADDRESS_V6, SOURCE, source, 32), &row)); /* 0a00:9::/32 is no IPv4 address */
    row.record.key.ip_version = 6;
    row.record.key.address[1][15] = 0x77;
    assert_true(holds(address_test(FILTER_ADDRESS_V6, SOURCE, row.record.key.address[1], 128), &row));
    row.record.key.address[1][15] = 0x76;
    assert_true(holds(address_test(FILTER_ADDRESS_V6, SOURCE, source, 120), &row));
    assert_false(holds(address_test(FILTER_ADDRESS_V6, SOURCE, source, 128), &row));
}

static void test_flags(void **state)
{
    struct reader_row row = tcp_row();

    (void)state;
    assert_true(holds(test_of(FILTER_TCP_FLAGS, BOTH, 0x12, 0x12), &row));
    assert_true(holds(test_of(FILTER_TCP_FLAGS, SOURCE, 0x02, 0), &row)); /* the source sent no SYN */
    assert_false(holds(test_of(FILTER_TCP_FLAGS, DESTINATION, 0x02, 0), &row));
    assert_false(holds(test_of(FILTER_TCP_FLAGS, BOTH, 0x04, 0x04), &row));
    row.record.key.protocol = 17;
    assert_false(holds(test_of(FILTER_TCP_FLAGS, BOTH, 0, 0), &row));
}

static struct filter_instruction real_test(uint8_t field, double least, double greatest)
{
    struct filter_instruction test = test_of(field, BOTH, 0, 0);

    test.range.real[0] = least;
    test.range.real[1] = greatest;
    return test;
}

/* Over two seconds: 5000 bytes are 20,000 bit/s, 10 packets are 5 a second; 2000 bytes in 5 packets are 400 each. */
static void test_rates(void **state)
{
    struct reader_row row = tcp_row();

    (void)state;
    assert_true(holds(real_test(FILTER_BITS_PER_SECOND, 20000, 20000), &row));
    assert_false(holds(real_test(FILTER_BITS_PER_SECOND, nextafter(20000, DBL_MAX), DBL_MAX), &row));
    assert_false(holds(real_test(FILTER_BITS_PER_SECOND, 0, 19999.999), &row));
    assert_true(holds(real_test(FILTER_PACKETS_PER_SECOND, 5, 5), &row));
    assert_true(holds(real_test(FILTER_BYTES_PER_PACKET, 400, 400), &row));
    assert_false(holds(real_test(FILTER_ENTROPY, -INFINITY, INFINITY), &row));
}

/* No port, ICMP type, TTL, RTT or state where there is none: whatever the range. */
static void test_what_a_flow_has_not_is_false(void **state)
{
    struct reader_row row = tcp_row();

    (void)state;
    assert_false(holds(test_of(FILTER_ICMP_TYPE, BOTH, 0, UINT64_MAX), &row));
    row.record.rtt_us = 0;
    assert_false(holds(test_of(FILTER_RTT, BOTH, 0, UINT64_MAX), &row));
    row.record.direction[0].packets = 0;
    assert_false(holds(test_of(FILTER_TTL, DESTINATION, 0, UINT64_MAX), &row));
    assert_false(holds(test_of(FILTER_DSCP, DESTINATION, 0, UINT64_MAX), &row));
    row.record.key.protocol = 1;
    assert_false(holds(test_of(FILTER_PORT, SOURCE, 0, UINT64_MAX), &row));
    assert_false(holds(test_of(FILTER_TCP_STATE, BOTH, 0, UINT64_MAX), &row));
    assert_false(holds(test_of(FILTER_RETRANSMISSIONS, BOTH, 0, UINT64_MAX), &row));
}

/* RFC 792: echo request is type 8, its reply type 0; 3/1 is host unreachable. */
static void test_icmp_types(void **state)
{
    static const struct number_case request[] = {{FILTER_ICMP_TYPE, BOTH, 8}, {FILTER_ICMP_CODE, BOTH, 0}};
    static const struct number_case unreachable[] = {{FILTER_ICMP_TYPE, BOTH, 3}, {FILTER_ICMP_CODE, BOTH, 1}};
    static const struct number_case reply[] = {{FILTER_ICMP_TYPE, BOTH, 0}, {FILTER_ICMP_CODE, BOTH, 0}};
    struct reader_row row = tcp_row();

    (void)state;
    row.record.key.protocol = 1;
    row.record.key.port[1] = 0;
    row.record.key.port[0] = 8 * 256;
    check_numbers(&row, request, 2);
    row.record.key.port[0] = 3 * 256 + 1;
    check_numbers(&row, unreachable, 2);
    row.record.key.port[0] = 0;
    row.record.key.port[1] = 8 * 256; /* the reply alone was seen: its sender is the initiator */
    check_numbers(&row, reply, 2);
}

static void test_tunnels(void **state)
{
    static const struct number_case vxlan[] = {{FILTER_TUNNEL, BOTH, XTOP_TUNNEL_VXLAN}, {FILTER_TUNNEL_ID, BOTH, 42}};
    struct reader_row row = tcp_row();

    (void)state;
    row.record.tunnel = XTOP_TUNNEL_VXLAN;
    row.record.tunnel_id = 42;
    check_numbers(&row, vxlan, 2);
    row.record.tunnel = XTOP_TUNNEL_IPIP; /* has no id, whatever lies there */
    assert_false(holds(test_of(FILTER_TUNNEL_ID, BOTH, 0, UINT64_MAX), &row));
    row.record.tunnel = XTOP_TUNNEL_NONE;
    assert_true(holds(test_of(FILTER_TUNNEL, BOTH, 0, 0), &row));
    assert_false(holds(test_of(FILTER_TUNNEL_ID, BOTH, 0, UINT64_MAX), &row));
}

static void test_what_is_refused(void **state)
{
    struct filter_instruction good[] = {test_of(FILTER_PROTOCOL, BOTH, 6, 6), reject, accept};
    struct filter_instruction bad[3];

    (void)state;
    assert_null(filter_refusal(good, 3));
    assert_non_null(filter_refusal(NULL, 3));
    assert_non_null(filter_refusal(good, 0));
    assert_non_null(filter_refusal(good, 2)); /* its true lies outside now */
    assert_non_null(filter_refusal(good, FILTER_MOST_INSTRUCTIONS + 1));
#define REFUSED(field, value)      \
    memcpy(bad, good, sizeof bad); \
    bad[0].field = (value);        \
    assert_non_null(filter_refusal(bad, 3))
    REFUSED(if_true, 0);
    REFUSED(if_false, 0);
    REFUSED(if_true, 3);
    REFUSED(if_false, UINT16_MAX);
    REFUSED(field, FILTER_FIELD_COUNT);
    REFUSED(field, UINT8_MAX);
    REFUSED(end, SOURCE);
    REFUSED(end, 3);
    REFUSED(padding, 1);
    REFUSED(field, FILTER_PORT); /* of which end? */
    REFUSED(field, FILTER_ACCEPT);
#undef REFUSED
    memcpy(bad, good, sizeof bad);
    bad[2] = test_of(FILTER_PROTOCOL, BOTH, 6, 6); /* goes backward, and nothing ends the program */
    assert_non_null(filter_refusal(bad, 3));
    bad[2] = accept;
    bad[0] = real_test(FILTER_BITS_PER_SECOND, NAN, 1);
    assert_non_null(filter_refusal(bad, 3));
    bad[0] = real_test(FILTER_BITS_PER_SECOND, 1, -NAN);
    assert_non_null(filter_refusal(bad, 3));
}

/* ---- Hostile programs ---------------------------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t mixed = (*seed ^ *seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);

    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static void random_bytes(uint64_t *seed, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)random_next(seed);
}

/* Mostly what may be run, with a wrong step here and there; a quarter of them nothing but noise. */
static void random_program(uint64_t *seed, struct filter_instruction *program, uint32_t count)
{
    random_bytes(seed, program, count * sizeof *program);
    if (random_next(seed) % 4 == 0)
        return;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t left = count - at - 1;

        program[at].padding = 0;
        program[at].field = (uint8_t)(random_next(seed) % FILTER_FIELD_COUNT);
        if (left == 0)
            program[at].field &= 1;
        program[at].end = random_next(seed) % 256 ? (uint8_t)(random_next(seed) % 2 + 1) : program[at].end;
        for (uint8_t end = 0; end < 3 && program[at].field > FILTER_ACCEPT; end++) {
            struct filter_instruction probe[] = {program[at], reject, accept};

            probe[0].end = end;
            probe[0].if_true = probe[0].if_false = 1;
            if (!filter_refusal(probe, 3))
                program[at].end = end;
        }
        if (program[at].field <= FILTER_ACCEPT)
            program[at].end = program[at].if_true = program[at].if_false = 0;
        else if (random_next(seed) % 512) {
            program[at].if_true = (uint16_t)(at + 1 + random_next(seed) % left);
            program[at].if_false = (uint16_t)(at + 1 + random_next(seed) % left);
        }
    }
}

/* Exactly as much memory as the program has, so that the sanitizer sees the first byte beyond it. */
static void test_random_programs_harm_nothing(void **state)
{
    uint64_t seed = 20260131, ran = 0, refused = 0, let_through = 0;

    (void)state;
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t count = 1 + (uint32_t)(random_next(&seed) % 40);
        struct filter_instruction *program = malloc(count * sizeof *program);
        struct reader_row row;
        struct filter_scene odd = {.now = random_next(&seed), .per_second = (double)random_next(&seed)};

        random_program(&seed, program, count);
        if (filter_refusal(program, count)) {
            refused++;
        } else {
            for (int i = 0; i < 20; i++) {
                random_bytes(&seed, &row, sizeof row);
                let_through += filter_matches(program, &odd, &row);
                ran++;
            }
        }
        free(program);
    }
    assert_true(refused > 2000);
    assert_true(ran > 20000); /* both ways must have been gone for this to mean anything */
    assert_true(let_through > 1000);
    assert_true(let_through < ran);
}

/* ---- Through the reader -------------------------------------------------------------------------------------- */

#define FLOWS 1000u

static struct reader *reader_over(struct table_fixture *fixture)
{
    char error[256] = "";
    struct reader *reader = reader_open(fixture->segment.fd, error, sizeof error);

    assert_string_equal(error, "");
    assert_non_null(reader);
    return reader;
}

static void feed(struct table_fixture *fixture, uint32_t flows, uint32_t packets)
{
    for (uint32_t i = 0; i < flows * packets; i++) {
        struct packet packet = fixture_packet(i % flows, 0);

        fixture_feed(fixture, &packet, START + i);
    }
}

/* Flow n comes from port 1024 + n: those from 1100 to 1149 are fifty. */
static void test_a_look_shows_what_matches_and_counts_what_it_hides(void **state)
{
    struct filter_instruction program[] = {test_of(FILTER_PORT, SOURCE, 1100, 1149), reject, accept};
    struct reader_view view = {.top = 20, .filter = program, .filter_count = 3};
    struct reader_result result;
    struct table_fixture fixture;
    struct reader *reader;

    (void)state;
    fixture_open(&fixture, FLOWS, 64);
    feed(&fixture, FLOWS, 2);
    reader = reader_over(&fixture);
    assert_int_equal(reader_look(reader, &view, &result), 0);
    assert_int_equal(result.matched, 50);
    assert_int_equal(result.hidden, FLOWS - 50);
    assert_int_equal(result.flows_live, FLOWS); /* totals stay whole */
    assert_int_equal(result.protocol[17].packets, 2 * FLOWS);
    assert_int_equal(result.row_count, 20);
    for (uint64_t i = 0; i < result.row_count; i++)
        assert_in_range(result.row[i].record.key.port[0], 1100, 1149);
    reader_rows_free(result.row);

    program[0].if_true = 0;
    assert_int_equal(reader_look(reader, &view, &result), READER_BAD_FILTER);
    assert_null(result.row);
    reader_close(reader);
    fixture_close(&fixture);
}

/* The second interval brings 3 packets a flow. A look between two intervals must say 3 again, though 5 more have come. */
static void test_a_look_between_intervals_keeps_the_rates(void **state)
{
    struct reader_view view = {.top = 0};
    struct reader_result result;
    struct table_fixture fixture;
    struct reader *reader;
    uint64_t interval;

    (void)state;
    fixture_open(&fixture, FLOWS, 64);
    reader = reader_over(&fixture);
    feed(&fixture, 10, 7);
    assert_int_equal(reader_look(reader, &view, &result), 0);
    reader_rows_free(result.row);
    feed(&fixture, 10, 3);
    assert_int_equal(reader_look(reader, &view, &result), 0);
    interval = result.interval_ns;
    reader_rows_free(result.row);

    feed(&fixture, 11, 5); /* and a new flow, which has no rate before its first interval ends */
    view.between = 1;
    assert_int_equal(reader_look(reader, &view, &result), 0);
    assert_int_equal(result.interval_ns, interval);
    assert_int_equal(result.row_count, 11);
    for (uint64_t i = 0; i < result.row_count; i++) {
        bool new = result.row[i].record.key.port[0] == 1034;

        assert_int_equal(result.row[i].rate_packets[0], new ? 0 : 3);
        assert_int_equal(result.row[i].rate_bytes[0], new ? 0 : 300);
        assert_int_equal(record_packets(&result.row[i].record), new ? 5 : 15);
    }
    reader_rows_free(result.row);

    view.between = 0;
    assert_int_equal(reader_look(reader, &view, &result), 0);
    for (uint64_t i = 0; i < result.row_count; i++)
        assert_int_equal(result.row[i].rate_packets[0], 5);
    reader_rows_free(result.row);
    reader_close(reader);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_a_flow),
        cmocka_unit_test(test_a_ttl_is_a_span),
        cmocka_unit_test(test_an_age_is_never_negative),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_what_a_flow_has_not_is_false),
        cmocka_unit_test(test_icmp_types),
        cmocka_unit_test(test_tunnels),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_random_programs_harm_nothing),
        cmocka_unit_test(test_a_look_shows_what_matches_and_counts_what_it_hides),
        cmocka_unit_test(test_a_look_between_intervals_keeps_the_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
