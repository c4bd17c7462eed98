/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pcap file that becomes shorter while it is read: what is left of it is counted, nothing that was never there, and
 * libpcap says of the end what it says of any cut file. And payload that looks like records of a pcap file itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/source.h"

#define PCAP_HEAD 24
#define PAYLOAD 184u
#define RECORD (16 + PAYLOAD)
#define RECORDS 20000 /* 4 MB: several windows */
#define FEW 2000      /* in one */
#define TAKEN (3 * SOURCE_BURST)

struct record {
    uint32_t seconds;
    uint32_t microseconds;
    uint32_t captured;
    uint32_t length;
    uint8_t payload[PAYLOAD];
};

_Static_assert(sizeof(struct record) == RECORD, "records follow each other without a gap");

/* A file of `count` records; where `nested`, the payload of each is one record more, of another length, and the begin of one. */
static int file_make(uint32_t count, bool nested)
{
    static const uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
    int fd = memfd_create("records", MFD_CLOEXEC);

    assert_int_equal(write(fd, head, sizeof head), PCAP_HEAD);
    for (uint32_t i = 0; i < count; i++) {
        struct record record = {1700000000 + i / 100, i % 100, PAYLOAD, PAYLOAD, {0}};
        uint32_t inner[4] = {record.seconds, 7, 40 + i % 100, 1500};

        memset(record.payload, 0xab, PAYLOAD);
        memcpy(record.payload, &i, sizeof i);
        if (nested) {
            memcpy(record.payload + 8, inner, sizeof inner);
            memcpy(record.payload + 24 + inner[2], inner, sizeof inner);
        }
        assert_int_equal(write(fd, &record, sizeof record), RECORD);
    }
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct source *source_make(int fd)
{
    static struct source source;
    static struct options options;
    struct failure failure = {0};

    options_default(&options);
    options.file_fd = fd;
    options.file_name = "FILE";
    source = (struct source){.operations = &source_file};
    assert_int_equal(source_file.open(&source, &options, &failure), 0);
    return &source;
}

/* Takes bursts until `most` frames have come, or no more do. Returns how many did, each with its number in front. */
static uint32_t frames_take(struct source *source, uint32_t first, uint32_t most, enum source_result *result)
{
    uint32_t taken = first;

    do {
        struct burst burst = {0};

        *result = source_file.take(source->queue[0], &burst);
        for (uint32_t i = 0; i < burst.count; i++, taken++) {
            assert_int_equal(burst.frame[i].captured, PAYLOAD);
            assert_memory_equal(burst.frame[i].data, &taken, sizeof taken);
            assert_int_equal(burst.frame[i].time,
                             (1700000000 + taken / 100) * UINT64_C(1000000000) + taken % 100 * UINT64_C(1000));
        }
    } while (*result == SOURCE_FRAMES && taken < most);
    return taken;
}

static void all_there(void **state)
{
    enum source_result result;

    (void)state;
    for (int nested = 0; nested < 2; nested++) {
        struct source *source = source_make(file_make(RECORDS, nested));

        assert_int_equal(frames_take(source, 0, UINT32_MAX, &result), RECORDS);
        assert_int_equal(result, SOURCE_END);
        source_file.close(source);
    }
}

/* Cuts a file to `size` bytes when `before` frames have come: so many are there in the end, and it ends as `expected`. */
static void cut(uint32_t count, uint32_t before, off_t size, uint32_t frames, enum source_result expected)
{
    int fd = file_make(count, false);
    struct source *source = source_make(fd);
    enum source_result result;

    assert_int_equal(frames_take(source, 0, before, &result), before);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(frames_take(source, before, UINT32_MAX, &result), frames);
    assert_int_equal(result, expected);
    if (expected == SOURCE_FAILED)
        assert_non_null(strstr(source->queue[0]->failure.text, "FILE is damaged after packet"));
    source_file.close(source);
}

static void shorter_by_pages(void **state)
{
    (void)state;
    cut(RECORDS, TAKEN, PCAP_HEAD + 700 * RECORD + 30, 700, SOURCE_FAILED);
    cut(RECORDS, TAKEN, PCAP_HEAD + 701 * RECORD, 701, SOURCE_END);
    cut(RECORDS, TAKEN, PCAP_HEAD + 10000 * RECORD + 7, 10000, SOURCE_FAILED); /* in a window to come */
}

static void shorter_than_what_was_taken(void **state)
{
    (void)state;
    cut(RECORDS, TAKEN, PCAP_HEAD + 100 * RECORD, TAKEN, SOURCE_END);
    cut(RECORDS, TAKEN, 0, TAKEN, SOURCE_END);
}

/* Behind the end of such a file its last page is zeros, and may be looked at. */
static void shorter_within_a_page(void **state)
{
    const uint32_t last = FEW / SOURCE_BURST * SOURCE_BURST; /* the rest is in one page with the end */

    (void)state;
    cut(FEW, last, PCAP_HEAD + (last + 12) * RECORD + 60, last + 12, SOURCE_FAILED);
    cut(FEW, last, PCAP_HEAD + (last + 12) * RECORD, last + 12, SOURCE_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_there),
        cmocka_unit_test(shorter_by_pages),
        cmocka_unit_test(shorter_than_what_was_taken),
        cmocka_unit_test(shorter_within_a_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
