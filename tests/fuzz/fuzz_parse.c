/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer on parse_frame. An input is: link type (bit 7: no decapsulation), 2 bytes of what the wire carried beyond the capture (big endian), the
 * frame. seeds.py makes inputs of captures.
 *
 * The frame lies at the end of its own heap block, so the sanitizer sees the first byte read past `captured`; a second
 * run with other bytes behind it must give the same answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/cpu_level.h"
#include "capture/parse.h"
#include "capture/parse_fast.h"
#include "capture/parse_lanes.h"

#define HEAD 3
#define BEHIND 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        __builtin_trap();
}

/* The short way says nothing, or what the long way said. */
static void check_fast(const uint8_t *frame, uint32_t captured, uint32_t wire, enum parse_result result,
                       const struct packet *packet)
{
    struct packet fast;

    if (parse_fast(frame, captured, wire, &fast))
        require(result == PARSE_FLOW && memcmp(&fast, packet, sizeof fast) == 0);
}

typedef uint32_t lanes_parser(const struct frame *frame, struct packet *first, size_t stride);

/* parse_lanes_v4; NULL = this CPU's level of instructions is another. */
static lanes_parser *parse_lanes_wide;

#ifdef XTOP_HAS_V4
lanes_parser parse_lanes_v4;

/* Once: cpu_level.h says why. */
__attribute__((constructor)) static void ask_cpu(void)
{
    if (cpu_is_v4())
        parse_lanes_wide = parse_lanes_v4;
}
#endif

/* Nor do eight at once: the frame in every lane, and behind one that has it looked for where it may not be. */
static void check_lanes(lanes_parser *parse, const uint8_t *block, uint32_t captured, uint32_t wire,
                        enum parse_result result, const struct packet *packet)
{
    static const uint8_t leading[2][64] = {[1] = {[12] = 0x81, [13] = 0x00}};
    struct packet got[PARSE_LANES];
    struct frame frame[PARSE_LANES];

    for (int lead = -1; lead < 2; lead++) {
        uint32_t read;

        for (int i = 0; i < PARSE_LANES; i++)
            frame[i] = (struct frame){.data = block, .captured = captured, .length = wire};
        if (lead >= 0)
            frame[0] = (struct frame){.data = leading[lead], .captured = 64, .length = 64};
        read = parse(frame, got, sizeof got[0]);
        for (int i = lead >= 0; i < PARSE_LANES; i++)
            if (read >> i & 1)
                require(result == PARSE_FLOW && memcmp(&got[i], packet, sizeof *packet) == 0);
    }
}

static enum parse_result parse_at_end(const uint8_t *frame, uint32_t captured, uint32_t behind, enum link_type link,
                                      bool decap, uint32_t wire, struct packet *packet)
{
    uint8_t *block = malloc(captured + behind + 1);
    enum parse_result result;

    require(block != NULL);
    if (captured)
        memcpy(block + 1, frame, captured);
    memset(block + 1 + captured, 0x45, behind);
    memset(packet, 0xa5, sizeof *packet);
    result = parse_frame(block + 1, captured, wire, link, decap, packet);
    if (link == LINK_ETHERNET) {
        check_fast(block + 1, captured, wire, result, packet);
        check_lanes(parse_lanes, block + 1, captured, wire, result, packet);
        if (parse_lanes_wide)
            check_lanes(parse_lanes_wide, block + 1, captured, wire, result, packet);
    }
    free(block);
    return result;
}

static void check_key(const struct xtop_key *key)
{
    int order = memcmp(key->address[0], key->address[1], sizeof key->address[0]);

    require(order < 0 || (order == 0 && key->port[0] <= key->port[1]));
    require(key->ip_version == 4 || key->ip_version == 6);
    require(key->vlan < 4096);
    for (int i = 4; key->ip_version == 4 && i < 16; i++)
        require(key->address[0][i] == 0 && key->address[1][i] == 0);
}

static void check_packet(const struct packet *packet, uint32_t wire)
{
    check_key(&packet->key);
    require(packet->direction <= 1);
    require(packet->payload_bytes <= packet->bytes);
    require(packet->bytes <= wire);
    require(packet->tcp_flags <= 0x1ff);
    require(packet->dscp < 64);
    require(packet->size_bin == parse_size_bin(wire));
    require(packet->tcp_seen ? packet->key.protocol == 6 : packet->tcp_flags == 0 && packet->tcp_options == 0);
    require(packet->key.ip_version == 4 ? packet->ipv6_extensions == 0 : packet->ipv4_options == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet packet;
    struct packet again;
    enum parse_result result;
    enum link_type link;
    bool decap;
    uint32_t captured;
    uint32_t wire;

    if (size < HEAD || size > 65536)
        return 0;
    link = (enum link_type)((data[0] & 127) % (LINK_NULL + 1));
    decap = data[0] < 128;
    captured = (uint32_t)size - HEAD;
    wire = captured + (uint32_t)(data[1] << 8 | data[2]);
    result = parse_at_end(data + HEAD, captured, 0, link, decap, wire, &packet);
    require(result == parse_at_end(data + HEAD, captured, BEHIND, link, decap, wire, &again));
    if (result != PARSE_FLOW)
        return 0;
    require(memcmp(&packet, &again, sizeof packet) == 0);
    check_packet(&packet, wire);
    return 0;
}
