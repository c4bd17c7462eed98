/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/pcap_records.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/file_window.h"

#define PCAP_HEAD 24 /* bytes */
#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS 0xa1b23c4du
#define PCAP_VERSION 0x00040002u /* 2.4: two 16-bit fields, on a little-endian machine */

/* Places of a window from which records are fetched ahead, side by side. */
#define CHAINS 16

/* Records of a window are guessed to be within so many seconds of its first one. */
#define GUESS_SECONDS 600u

/* Bytes in which most likely a record begins, and of a cache line. */
#define GUESS_NEAR 256u
#define LINE 64u

#define SECONDS_HIGH_BYTE 3 /* of a record's head, on a little-endian machine */

struct record_head {
    uint32_t seconds;
    uint32_t fraction;
    uint32_t captured;
    uint32_t length;
};

void pcap_records_open(struct pcap_records *records, FILE *stream, off_t begin, uint32_t snapshot)
{
    int fd = fileno(stream);
    uint32_t head[2];
    struct stat status;

    records->stream = NULL;
    if (begin < 0 || ftello(stream) != begin + PCAP_HEAD || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return;
    if (pread(fd, head, sizeof head, begin) != sizeof head)
        return;
    if ((head[0] != PCAP_MICROSECONDS && head[0] != PCAP_NANOSECONDS) || head[1] != PCAP_VERSION)
        return;
    if (!file_window_open(fd))
        return;
    records->offset = begin + PCAP_HEAD;
    records->at = records->filled = 0;
    records->longest = snapshot < PCAP_RECORDS_LONGEST ? snapshot : PCAP_RECORDS_LONGEST;
    records->nanoseconds = head[0] == PCAP_NANOSECONDS ? 1 : 1000;
    records->stream = stream;
}

bool pcap_records_next(struct pcap_records *records, struct pcap_record *record)
{
    uint32_t left = records->filled - records->at;
    struct record_head head;

    if (left < sizeof head)
        return false;
    memcpy(&head, &records->data[records->at], sizeof head);
    if (head.fraction > INT32_MAX || head.captured == 0 || head.captured > records->longest ||
        left - sizeof head < head.captured)
        return false;
    record->data = &records->data[records->at + sizeof head];
    record->captured = head.captured;
    record->length = head.length;
    record->time = head.seconds * UINT64_C(1000000000) + (uint64_t)head.fraction * records->nanoseconds;
    records->at += (uint32_t)sizeof head + head.captured;
    return true;
}

/* ---- Fetching ahead ---------------------------------------------------------------------------------------------- */

/* Whether a record may begin at `at`, as the one that the window begins with did. */
static bool head_is_likely(const struct pcap_records *records, uint64_t at, uint32_t first_second, uint32_t *captured)
{
    struct record_head head;

    if (at + sizeof head > records->filled)
        return false;
    memcpy(&head, &records->data[at], sizeof head);
    *captured = head.captured;
    return head.seconds - first_second + GUESS_SECONDS <= 2 * GUESS_SECONDS && head.captured <= records->longest &&
           head.captured <= head.length && head.fraction < 1000000000 / records->nanoseconds;
}

/*
 * The first place in `from` .. `to` where a record seems to begin, and another behind it; `to` where there is none. Only
 * places are looked at whose seconds have the highest byte of the window's first: memchr(3) passes by some 700 bytes at
 * once where a loop takes a nanosecond for each.
 */
static uint32_t record_guess(const struct pcap_records *records, uint32_t from, uint32_t to, uint32_t first_second)
{
    const uint8_t *high = &records->data[SECONDS_HIGH_BYTE];
    uint32_t captured, ignored;

    for (uint32_t at = from; at < to; at++) {
        const uint8_t *found = memchr(&high[at], (int)(first_second >> 24), to - at);

        if (!found)
            return to;
        at = (uint32_t)(found - high);
        if (head_is_likely(records, at, first_second, &captured) &&
            head_is_likely(records, (uint64_t)at + sizeof(struct record_head) + captured, first_second, &ignored))
            return at;
    }
    return to;
}

/* Guesses wait for memory side by side, too: fetches the lines behind each of `from` in which most likely a record begins. */
static void guesses_fetch(const struct pcap_records *records, const uint32_t from[CHAINS - 1])
{
    for (uint32_t i = 0; i < CHAINS - 1; i++)
        for (uint32_t at = from[i]; at < from[i] + GUESS_NEAR && at < records->filled; at += LINE)
            __builtin_prefetch(&records->data[at]);
}

/* The record behind the one at `at`, with its first bytes on their way; `end` where there is none to fetch. */
static inline uint32_t record_fetch(const struct pcap_records *records, uint32_t at, uint32_t end)
{
    uint32_t captured, next;

    memcpy(&captured, &records->data[at + offsetof(struct record_head, captured)], sizeof captured);
    if (captured > records->longest)
        return end;
    next = at + (uint32_t)sizeof(struct record_head) + captured;
    if (next > end)
        return end;
    __builtin_prefetch(&records->data[next], 0, 2); /* the second cache: the first is too small for a window */
    __builtin_prefetch(&records->data[next] + 64, 0, 2);
    return next;
}

/* Walks through the window's records in several places at once, so that each is in a cache when it is taken. */
static void records_fetch(const struct pcap_records *records)
{
    uint32_t size = records->filled - records->at;
    uint32_t chain[CHAINS], end[CHAINS];
    uint32_t first_second, walking;

    if (size < CHAINS * sizeof(struct record_head))
        return;
    size -= (uint32_t)sizeof(struct record_head); /* no chain looks at a head that is cut */
    memcpy(&first_second, &records->data[records->at], sizeof first_second);
    for (uint32_t i = 0; i < CHAINS; i++)
        end[i] = records->at + (uint32_t)((uint64_t)size * (i + 1) / CHAINS);
    guesses_fetch(records, end);
    chain[0] = records->at;
    for (uint32_t i = 1; i < CHAINS; i++)
        chain[i] = record_guess(records, end[i - 1], end[i], first_second);
    do {
        walking = 0;
        for (uint32_t i = 0; i < CHAINS; i++) {
            if (chain[i] >= end[i])
                continue;
            chain[i] = record_fetch(records, chain[i], end[i]);
            walking++;
        }
    } while (walking);
}

void pcap_records_fill(struct pcap_records *records)
{
    off_t next = pcap_records_place(records);

    records->offset = next;
    records->filled = file_window_move(&records->offset, &records->data);
    records->at = (uint32_t)(next - records->offset);
    records_fetch(records);
}

void pcap_records_close(struct pcap_records *records, off_t place)
{
    fseeko(records->stream, place, SEEK_SET);
    records->stream = NULL;
    file_window_close();
}
