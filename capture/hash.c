/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/hash.h"

static uint32_t hash_tail(uint32_t hash, const uint8_t *tail, size_t size)
{
    uint32_t block = 0;

    for (size_t i = size; i > 0; i--)
        block = block << 8 | tail[i - 1];
    block *= 0xcc9e2d51;
    block = hash_rotate(block, 15);
    block *= 0x1b873593;
    return hash ^ block;
}

uint32_t hash_bytes(const void *data, size_t size, uint32_t seed)
{
    const uint8_t *bytes = data;
    size_t blocks = size / 4;
    uint32_t hash = seed;

    for (size_t i = 0; i < blocks; i++) {
        uint32_t block;

        memcpy(&block, bytes + i * 4, sizeof block);
        hash = hash_mix_block(hash, block);
    }
    if (size % 4)
        hash = hash_tail(hash, bytes + blocks * 4, size % 4);
    return hash_finish(hash, (uint32_t)size);
}
