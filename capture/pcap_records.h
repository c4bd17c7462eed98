/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of a pcap file, found where they lie in a window that is mapped (file_window.h): no copy and no call a packet.
 * The stream's own place in the file stays as it is meanwhile.
 *
 * libpcap opened the file and has judged its head. It also judges each record that is not plainly as it should be, and
 * the end: this reader then stops before it, for good, and puts the stream there. So a file means what libpcap says,
 * messages included, and what is read here is what needs no judgement: whole records, not empty (as the rest of a page is
 * whose file became shorter) nor longer than the file says, in this machine's byte order.
 *
 *   window  |rec|record  |rec|record    |...      each record's length says where the next one is, which waits for memory
 *            ^at          ^chain 1       ^chain 2   at every step: so several chains fetch ahead side by side, from
 *                                                   guesses in the midst. A wrong guess fetches what nobody needs.
 */
#ifndef XTOP_PCAP_RECORDS_H
#define XTOP_PCAP_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define PCAP_RECORDS_LONGEST (64u << 10)

struct pcap_records {
    FILE *stream;         /* libpcap's; NULL = not in use, or no more */
    const uint8_t *data;  /* the window */
    off_t offset;         /* in the file, of the window's first byte */
    uint32_t at;          /* in the window: the next record */
    uint32_t filled;      /* bytes of the file that are in the window */
    uint32_t longest;     /* bytes of a frame */
    uint32_t nanoseconds; /* of the file's unit of time: 1 or 1000 */
};

/* A frame in the window; valid until pcap_records_fill(). */
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

/* Takes the next record out of the window. False: none that is whole and plain is there. */
bool pcap_records_next(struct pcap_records *records, struct pcap_record *record);

/* Moves the window on to the next record, and has all of them fetched. */
void pcap_records_fill(struct pcap_records *records);

/* Where in the file the next record is. */
static inline off_t pcap_records_place(const struct pcap_records *records)
{
    return records->offset + records->at;
}

/* Leaves the rest of the stream, from `place` on, to libpcap. */
void pcap_records_close(struct pcap_records *records, off_t place);

#endif
