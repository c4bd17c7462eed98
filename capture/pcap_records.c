/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/pcap_records.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCAP_HEAD 24 /* bytes */
#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS 0xa1b23c4du
#define PCAP_VERSION 0x00040002u /* 2.4: two 16-bit fields, on a little-endian machine */

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
    memcpy(&head, &records->buffer[records->at], sizeof head);
    if (head.seconds > INT32_MAX || head.fraction > INT32_MAX || head.captured > records->longest ||
        left - sizeof head < head.captured)
        return false;
    record->data = &records->buffer[records->at + sizeof head];
    record->captured = head.captured;
    record->length = head.length;
    record->time = head.seconds * UINT64_C(1000000000) + head.fraction * records->nanoseconds;
    records->at += (uint32_t)sizeof head + head.captured;
    return true;
}

void pcap_records_fill(struct pcap_records *records)
{
    uint32_t left = records->filled - records->at;
    ssize_t more;

    memmove(records->buffer, &records->buffer[records->at], left);
    records->offset += records->at;
    records->at = 0;
    records->filled = left;
    while (records->filled < sizeof records->buffer) {
        more = pread(fileno(records->stream), &records->buffer[records->filled],
                     sizeof records->buffer - records->filled, records->offset + records->filled);
        if (more <= 0)
            return; /* the end, or an error: libpcap meets it, too */
        records->filled += (uint32_t)more;
    }
}

void pcap_records_close(struct pcap_records *records)
{
    fseeko(records->stream, records->offset + records->at, SEEK_SET);
    records->stream = NULL;
}
