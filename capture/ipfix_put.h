/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers in network order, and what the rows of ipfix_elements.h are turned into.
 */
#ifndef XTOP_IPFIX_PUT_H
#define XTOP_IPFIX_PUT_H

#include <stdint.h>
#include <string.h>

/* Where `size` is known when this is compiled, one swap and one store are left of it. */
static inline uint8_t *ipfix_put_number(uint8_t *to, uint32_t size, uint64_t value)
{
    uint64_t swapped = __builtin_bswap64(value << (64 - 8 * size));

    memcpy(to, &swapped, size);
    return to + size;
}

static inline uint8_t *ipfix_put_bytes(uint8_t *to, uint32_t size, const void *bytes)
{
    memcpy(to, bytes, size);
    return to + size;
}

#define IPFIX_DESCRIBE(element, size, value) {element, size},
#define IPFIX_SIZE(element, size, value) +(size) /* NOLINT(bugprone-macro-parentheses): a term of a sum */
#define IPFIX_NUMBER(element, size, value) to = ipfix_put_number(to, size, (uint64_t)(value));
#define IPFIX_BYTES(element, size, value) to = ipfix_put_bytes(to, size, value);

#endif
