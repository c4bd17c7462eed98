/* SPDX-License-Identifier: BSD-2-Clause */
/* The two ends of a packet, and their canonical order: flow_key.h. */
#ifndef XTOP_PARSE_ENDS_H
#define XTOP_PARSE_ENDS_H

#include <stdint.h>
#include <string.h>

#include "capture/parse.h"
#include "capture/parse_cursor.h"

/* The two ends as the packet has them, before they are put in canonical order. */
struct ends {
    const uint8_t *source;
    const uint8_t *destination;
    uint32_t address_size;
    uint16_t source_port;
    uint16_t destination_port;
};

/* memcmp of 4 and of 16 bytes without a call or a branch: -1, 0 or 1. */
static inline int compare4(const uint8_t *left, const uint8_t *right)
{
    uint32_t a = read32(left);
    uint32_t b = read32(right);

    return (a > b) - (a < b);
}

static inline int compare16(const uint8_t *left, const uint8_t *right)
{
    uint64_t a[2] = {read64(left), read64(left + 8)};
    uint64_t b[2] = {read64(right), read64(right + 8)};

    uint32_t low = a[0] == b[0];

    return (a[low] > b[low]) - (a[low] < b[low]);
}

/* The smaller (address, port) becomes end 0. No branch but on the version: which end sends is as good as random. */
PARSE_INLINE void parse_order(struct packet *packet, const struct ends *ends)
{
    bool v4 = ends->address_size == 4;
    int order = v4 ? compare4(ends->source, ends->destination) : compare16(ends->source, ends->destination);
    uint32_t from = order * 0x20000 + (int)ends->source_port - (int)ends->destination_port > 0;

    packet->direction = (uint8_t)from;
    if (v4) {
        memcpy(packet->key.address[from], ends->source, 4);
        memcpy(packet->key.address[!from], ends->destination, 4);
    } else {
        memcpy(packet->key.address[from], ends->source, 16);
        memcpy(packet->key.address[!from], ends->destination, 16);
    }
    packet->key.port[from] = ends->source_port;
    packet->key.port[!from] = ends->destination_port;
}

#endif
