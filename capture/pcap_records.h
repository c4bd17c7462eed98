/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of a pcap file, found in a buffer that pread(2) fills: no copy and no call a packet. The stream's own place in
 * the file stays as it is meanwhile.
 *
 * libpcap opened the file and has judged its head. It also judges each record that is not plainly as it should be, and
 * the end: this reader then stops before it, for good, and puts the stream there. So a file means what libpcap says,
 * messages included, and what is read here is what needs no judgement: whole records, of seconds that are positive, not
 * longer than the file says, in this machine's byte order.
 */
#ifndef XTOP_PCAP_RECORDS_H
#define XTOP_PCAP_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Bytes read at a time: they stay in a core's second cache. */
#define PCAP_RECORDS_ROOM (256u << 10)
#define PCAP_RECORDS_LONGEST (64u << 10)

struct pcap_records {
    FILE *stream; /* libpcap's; NULL = not in use, or no more */
    off_t offset; /* in the file, of the buffer's first byte */
    uint32_t at;  /* in the buffer: the next record */
    uint32_t filled;
    uint32_t longest;     /* bytes of a frame */
    uint64_t nanoseconds; /* of the file's unit of time: 1 or 1000 */
    uint8_t buffer[PCAP_RECORDS_ROOM];
};

/* A frame in the buffer; valid until pcap_records_fill(). */
struct pcap_record {
    const uint8_t *data;
    uint32_t captured;
    uint32_t length; /* on the wire, as the file says */
    uint64_t time;   /* ns since the epoch */
};

/*
 * Looks whether the stream, which began at `begin` and of which libpcap has read the head alone, can be read this way:
 * `records->stream` says so. `snapshot` is the file's bound on a frame's length.
 */
void pcap_records_open(struct pcap_records *records, FILE *stream, off_t begin, uint32_t snapshot);

/* Takes the next record out of the buffer. False: none that is whole and plain is there. */
bool pcap_records_next(struct pcap_records *records, struct pcap_record *record);

/* Makes room, and reads on. */
void pcap_records_fill(struct pcap_records *records);

/* Leaves the rest of the stream to libpcap. */
void pcap_records_close(struct pcap_records *records);

#endif
