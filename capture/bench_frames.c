/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/bench_frames.h"

#include <errno.h>
#include <math.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "capture/libpcap_limit.h"
#include "capture/link_type.h"

/* Frames that would need more room than this share it: the first ones come again. */
#define FRAMES_ROOM (UINT64_C(1) << 30)

/* Frames lie on huge pages where the kernel has any, as a UMEM does. */
#define FRAME_ALIGN (UINT64_C(2) << 20)

enum { ETHERNET_HEADER = 14, IPV4_HEADER = 20, IPV6_HEADER = 40 };

/* SplitMix64 (Steele, Lea, Flood 2014): the same frames in every run. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* 0 <= value < 1 */
static double random_share(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

/* ---- Which flow a frame belongs to --------------------------------------------------------------------------- */

struct draw {
    uint64_t state;
    uint32_t flows;
    double *below;  /* Zipf: share of the flows of rank 0 .. i; NULL = all flows alike */
    uint32_t *rank; /* Zipf: the flow of a rank, so that popular flows are not neighbours in the table */
};

static void draw_close(struct draw *draw)
{
    free(draw->below);
    free(draw->rank);
}

static int draw_open(struct draw *draw, const struct bench_options *options)
{
    double sum = 0;

    *draw = (struct draw){.state = 1, .flows = options->flows};
    if (options->zipf == 0)
        return 0;
    draw->below = malloc(options->flows * sizeof *draw->below);
    draw->rank = calloc(options->flows, sizeof *draw->rank);
    if (!draw->below || !draw->rank) {
        draw_close(draw);
        return -1;
    }
    for (uint32_t i = 0; i < options->flows; i++) {
        uint32_t other = random_below(&draw->state, i + 1);

        sum += pow(i + 1, -options->zipf);
        draw->below[i] = sum;
        draw->rank[i] = draw->rank[other];
        draw->rank[other] = i;
    }
    for (uint32_t i = 0; i < options->flows; i++)
        draw->below[i] /= sum;
    return 0;
}

static uint32_t draw_flow(struct draw *draw)
{
    uint32_t low = 0;
    uint32_t high = draw->flows - 1;
    double share;

    if (!draw->below)
        return random_below(&draw->state, draw->flows);
    share = random_share(&draw->state);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (draw->below[middle] <= share)
            low = middle + 1;
        else
            high = middle;
    }
    return draw->rank[low];
}

/* ---- Frames of its own --------------------------------------------------------------------------------------- */

static void write16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write32(uint8_t *at, uint32_t value)
{
    write16(at, value >> 16);
    write16(at + 2, value);
}

static uint8_t *write_ipv4(uint8_t *ip, uint32_t size, const uint32_t from_to[2])
{
    write16(ip - 2, 0x0800);
    ip[0] = 0x45;
    write16(ip + 2, size);
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 17;
    write32(ip + 12, from_to[0]);
    write32(ip + 16, from_to[1]);
    return ip + IPV4_HEADER;
}

/* The same addresses, within 2001:db8::/64. */
static uint8_t *write_ipv6(uint8_t *ip, uint32_t size, const uint32_t from_to[2])
{
    write16(ip - 2, 0x86dd);
    ip[0] = 0x60;
    write16(ip + 4, size - IPV6_HEADER);
    ip[6] = 17;
    ip[7] = 64;
    for (uint32_t end = 0; end < 2; end++) {
        write32(ip + 8 + 16 * end, UINT32_C(0x20010db8));
        write32(ip + 20 + 16 * end, from_to[end]);
    }
    return ip + IPV6_HEADER;
}

/* Addresses of RFC 1918 and RFC 2544; (client, port) alone tells flows apart. Checksums stay 0: nobody reads them. */
void bench_frame_write(uint8_t *at, uint32_t size, uint32_t flow, uint32_t end, bool ipv6)
{
    const uint32_t address[2] = {UINT32_C(0x0a000000) | (flow & 0xffffff),
                                 UINT32_C(0xc6120000) | (flow * 40503u >> 15)};
    const uint32_t from_to[2] = {address[end], address[!end]};
    const uint32_t port[2] = {1024 + (flow >> 24), 443};
    uint8_t *ip = at + ETHERNET_HEADER;
    uint8_t *udp;

    memset(at, 0, size);
    at[0] = at[6] = 2; /* locally administered */
    udp = ipv6 ? write_ipv6(ip, size - ETHERNET_HEADER, from_to) : write_ipv4(ip, size - ETHERNET_HEADER, from_to);
    write16(udp, port[end]);
    write16(udp + 2, port[!end]);
    write16(udp + 4, (uint32_t)(at + size - udp));
}

static int frames_allocate(struct bench_frames *frames, uint64_t count, uint64_t room, struct failure *failure)
{
    frames->data = aligned_alloc(FRAME_ALIGN, (room + FRAME_ALIGN - 1) & ~(uint64_t)(FRAME_ALIGN - 1));
    if (frames->data)
        (void)madvise(frames->data, room, MADV_HUGEPAGE);
    frames->frame = malloc(count * sizeof *frames->frame);
    frames->room = room;
    if (frames->data && frames->frame)
        return 0;
    bench_frames_free(frames);
    return failure_set(failure, EXIT_FAILED, "cannot hold %llu frames in memory (%s; lower --packets or --size)",
                       (unsigned long long)count, strerror(ENOMEM));
}

int bench_frames_make(struct bench_frames *frames, const struct bench_options *options, struct failure *failure)
{
    uint64_t stored = options->packets;
    struct draw draw;

    *frames = (struct bench_frames){.link = LINK_ETHERNET};
    if (stored * options->size > FRAMES_ROOM)
        stored = FRAMES_ROOM / options->size;
    if (stored == 0)
        return failure_set(failure, EXIT_USAGE, "no packets to make (raise --packets)");
    if (stored < options->packets && options->new_flow_ratio > 0)
        return failure_set(failure, EXIT_USAGE,
                           "--new-flow-ratio needs all frames in memory (1 GiB at most; lower --packets or --size)");
    if (frames_allocate(frames, options->packets, stored * options->size, failure) < 0 || !frames->frame)
        return -1;
    if (draw_open(&draw, options) < 0) {
        bench_frames_free(frames);
        return failure_set(failure, EXIT_FAILED, "cannot draw from %u flows (%s; lower --flows)", options->flows,
                           strerror(ENOMEM));
    }
    for (uint32_t i = 0; i < options->packets; i++) {
        struct bench_frame *frame = &frames->frame[i];

        *frame = (struct bench_frame){(i % stored) * options->size, options->size, options->size};
        frames->bytes += options->size;
        if (i >= stored)
            continue;
        if (options->new_flow_ratio > 0 && random_share(&draw.state) < options->new_flow_ratio)
            bench_frame_write(frames->data + frame->at, options->size, options->flows + frames->new_flows++, 0,
                              options->ipv6);
        else
            bench_frame_write(frames->data + frame->at, options->size, draw_flow(&draw), random_next(&draw.state) & 1,
                              options->ipv6);
    }
    frames->count = options->packets;
    draw_close(&draw);
    return 0;
}

void bench_frames_free(struct bench_frames *frames)
{
    free(frames->data);
    free(frames->frame);
    frames->data = NULL;
    frames->frame = NULL;
}

/* ---- Frames of a file ---------------------------------------------------------------------------------------- */

/* Room for one more frame of `captured` bytes; both arrays double. */
static int frames_grow(struct bench_frames *frames, uint64_t used, uint32_t captured, uint32_t *places)
{
    void *more;

    if (frames->count == *places) {
        if (*places > UINT32_MAX / 2)
            return -1;
        *places = *places ? *places * 2 : 4096;
        more = realloc(frames->frame, *places * sizeof *frames->frame);
        if (!more)
            return -1;
        frames->frame = more;
    }
    if (used + captured > frames->room) {
        frames->room = (used + captured) * 2;
        more = realloc(frames->data, frames->room);
        if (!more)
            return -1;
        frames->data = more;
    }
    return 0;
}

/* Says why libpcap reads no more. */
static int frames_broken(const struct bench_frames *frames, const char *why, const char *path, struct failure *failure)
{
    if (libpcap_limit_tell(failure, path, frames->count, why))
        return -1;
    return failure_set(failure, EXIT_FAILED, "cannot read %.80s (%.100s; is it damaged?)", path, why);
}

static int frames_take_all(struct bench_frames *frames, pcap_t *file, const char *path, struct failure *failure)
{
    struct pcap_pkthdr *header;
    const uint8_t *data;
    uint32_t places = 0;
    uint64_t used = 0;
    int result;

    while ((result = pcap_next_ex(file, &header, &data)) == 1) {
        uint32_t length = header->len > header->caplen ? header->len : header->caplen;

        if (frames_grow(frames, used, header->caplen, &places) < 0)
            return failure_set(failure, EXIT_FAILED, "cannot hold %s in memory (%s; give a smaller file)", path,
                               strerror(ENOMEM));
        memcpy(frames->data + used, data, header->caplen);
        frames->frame[frames->count++] = (struct bench_frame){used, header->caplen, length};
        frames->bytes += length;
        used += (header->caplen + 3u) & ~3u;
    }
    if (result == PCAP_ERROR)
        return frames_broken(frames, pcap_geterr(file), path, failure);
    if (!frames->count)
        return failure_set(failure, EXIT_USAGE, "no frames in %s (it is empty; give another file)", path);
    return 0;
}

/* libpcap's handle of the capture file; NULL with `failure`. */
static pcap_t *file_open(const char *path, struct failure *failure)
{
    char text[PCAP_ERRBUF_SIZE];
    struct stat status;
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    pcap_t *file;

    if (stream && fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode)) {
        fclose(stream);
        stream = NULL;
        errno = EISDIR;
    }
    if (!stream) {
        failure_set(failure, EXIT_USAGE, "cannot open %s (%s; give a pcap or pcapng file)", path, strerror(errno));
        return NULL;
    }
    file = pcap_fopen_offline(stream, text);
    if (!file) {
        failure_set(failure, EXIT_FAILED, "cannot read %s (%s; a pcap or pcapng file is needed)", path, text);
        fclose(stream);
    }
    return file;
}

int bench_frames_read(struct bench_frames *frames, const char *path, struct failure *failure)
{
    pcap_t *file = file_open(path, failure);
    char name[LINK_TYPE_NAME];
    int result = -1;

    *frames = (struct bench_frames){0};
    if (!file)
        return -1;
    if (!link_type_of(pcap_datalink(file), &frames->link))
        failure_set(failure, EXIT_FAILED, "cannot read %s (link type %s, which xtop cannot read; give Ethernet frames)",
                    path, link_type_name(pcap_datalink(file), name, sizeof name));
    else
        result = frames_take_all(frames, file, path, failure);
    if (result < 0)
        bench_frames_free(frames);
    pcap_close(file);
    return result;
}
