/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MurmurHash3 x86_32 (Austin Appleby's public-domain algorithm), bit for bit what the mmh3 package computes: Python
 * has the same flow id without asking C, and the package is the oracle of our tests.
 */
#ifndef XTOP_HASH_H
#define XTOP_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "capture/flow_abi.h"

/* The flow id that users see is the key's hash under this seed, so that it is the same in every run. */
#define HASH_FLOW_ID_SEED 0

/* Hash of `size` bytes at `data` (any alignment, little-endian blocks). */
uint32_t hash_bytes(const void *data, size_t size, uint32_t seed);

static inline uint32_t hash_rotate(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

static inline uint32_t hash_mix_block(uint32_t hash, uint32_t block)
{
    block *= 0xcc9e2d51;
    block = hash_rotate(block, 15);
    block *= 0x1b873593;
    hash ^= block;
    hash = hash_rotate(hash, 13);
    return hash * 5 + 0xe6546b64;
}

static inline uint32_t hash_finish(uint32_t hash, uint32_t size)
{
    hash ^= size;
    hash ^= hash >> 16;
    hash *= 0x85ebca6b;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35;
    return hash ^ hash >> 16;
}

/* The same for a flow key: ten blocks and no tail, so the compiler unrolls it. Little-endian hosts only. */
static inline uint32_t hash_key(const struct xtop_key *key, uint32_t seed)
{
    uint32_t block[sizeof *key / 4];
    uint32_t hash = seed;

    memcpy(block, key, sizeof block);
    for (size_t i = 0; i < sizeof *key / 4; i++)
        hash = hash_mix_block(hash, block[i]);
    return hash_finish(hash, sizeof *key);
}

/*
 * hash_key of `count` keys that lie `stride` bytes apart, into hash[0 .. count). Where the CPU can (AVX2) eight at
 * once, and sooner where all eight are of IPv4.
 */
void hash_keys(const struct xtop_key *first, size_t stride, uint32_t count, uint32_t seed, uint32_t *hash);

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hash_key and the segment are little endian");

#endif
