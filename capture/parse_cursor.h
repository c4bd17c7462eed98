/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parser's own files share: where they are in a frame, and how bytes are read.
 */
#ifndef XTOP_PARSE_CURSOR_H
#define XTOP_PARSE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* What every frame goes through is compiled into parse_frame, and once more for what tunnels carry. */
#define PARSE_INLINE static inline __attribute__((always_inline))

/* end - at <= wire, always: more was on the wire than was captured, never less. */
struct cursor {
    const uint8_t *frame; /* its first byte */
    const uint8_t *ip;    /* the IP header read last */
    const uint8_t *at;
    const uint8_t *end;    /* what was captured of the packet, padding left out */
    uint32_t wire;         /* bytes from the header that is read next to the end of what carries it */
    bool transport_absent; /* a later fragment: what follows is not a transport header */
};

static inline uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t read24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static inline uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t read64(const uint8_t *at)
{
    return (uint64_t)read32(at) << 32 | read32(at + 4);
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Moves on by `size` bytes; false when they were not captured. */
static inline bool cursor_pass(struct cursor *cursor, uint32_t size)
{
    if (cursor_left(cursor) < size)
        return false;
    cursor->at += size;
    cursor->wire -= size;
    return true;
}

#endif
