/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many ended flows a second go from the ring into IPFIX messages on one core, and how long memcpy takes for as many
 * bytes. Not a test: absolute times belong to a machine.   ipfix_timing [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/ipfix_encode.h"
#include "capture/reader_state.h"
#include "table_fixture.h"

#define FLOWS 65536u /* a ring of the usual size, full */
#define BATCH 512u
#define ROOM (BATCH * 512)
#define MESSAGES 1024

static struct xtop_record batch[BATCH];
static uint8_t bytes[ROOM];
static struct ipfix_message messages[MESSAGES];

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); /* of this core, not of what else runs on it */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Half TCP, half UDP, both directions. */
static void fill(struct table_fixture *fixture)
{
    for (uint32_t i = 0; i < FLOWS; i++)
        for (uint8_t direction = 0; direction < 2; direction++) {
            struct packet packet = i % 2 ? fixture_tcp(i, direction, 0x12) : fixture_packet(i, direction);

            fixture_feed(fixture, &packet, START + i);
        }
    flow_table_sweep_all(&fixture->table, START + 100 * SECOND);
}

/* Takes and encodes all of the ring. Returns the flows. */
static uint64_t drain(struct reader *reader, struct ipfix_encoder *encoder, uint64_t *size)
{
    uint64_t flows = 0, taken;

    while ((taken = reader_take_ended(reader, batch, BATCH)) > 0) {
        struct ipfix_output output = {.bytes = bytes, .room = ROOM, .message = messages, .message_room = MESSAGES};
        uint64_t at = 0;

        ipfix_write_flows(encoder, batch, sizeof batch[0], taken, &at, &output);
        if (at != taken)
            abort();
        *size += output.used;
        flows += taken;
    }
    return flows;
}

/* memcpy of as many bytes in pieces of a batch, out of memory as cold as the ring. */
static double copy(uint64_t size)
{
    uint64_t room = (uint64_t)FLOWS * 128, piece = BATCH * 128, at = 0;
    uint8_t *from = malloc(room);
    double start;

    if (!from)
        abort();
    memset(from, 1, room);
    start = now();
    for (uint64_t done = 0; done < size; done += piece, at = (at + piece) % room) {
        memcpy(bytes, from + at, piece);
        __asm__ volatile("" : : "r"(bytes) : "memory"); /* somebody may look at them */
    }
    start = now() - start;
    free(from);
    return start;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50;
    struct ipfix_encoder encoder = {.domain = 1, .live_reason = 4, .message_size = 1452, .sampling = 1};
    uint64_t flows = 0, size = 0;
    struct table_fixture fixture;
    struct reader *reader;
    double start, spent = 0, copied;
    char error[256];

    fixture_open(&fixture, 2 * FLOWS, FLOWS);
    fill(&fixture);
    ipfix_encoder_prepare(&encoder);
    reader = reader_open(fixture.segment.fd, error, sizeof error);
    if (!reader)
        abort();
    for (uint32_t i = 0; i < rounds; i++) {
        reader->cursor[0] = 0;
        start = now();
        flows += drain(reader, &encoder, &size);
        spent += now() - start;
    }
    reader_close(reader);
    copied = copy(size);
    printf("%llu flows, %.0f octets each: %.2f million a second (%.0f ns each); memcpy of as many bytes %.0f ns each: "
           "ratio %.1f\n",
           (unsigned long long)flows, (double)size / (double)flows, (double)flows / spent / 1e6,
           spent / (double)flows * 1e9, copied / (double)flows * 1e9, spent / copied);
    fixture_close(&fixture);
    return 0;
}
