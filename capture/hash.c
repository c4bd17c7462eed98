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

static inline __attribute__((always_inline)) void hash_lanes(const uint8_t *first, size_t stride, uint32_t seed,
                                                             uint32_t hash[HASH_LANES])
{
    uint32_t block[sizeof(struct xtop_key) / 4][HASH_LANES];
    uint32_t lane[HASH_LANES];

    for (size_t i = 0; i < HASH_LANES; i++) {
        lane[i] = seed;
        for (size_t j = 0; j < sizeof(struct xtop_key) / 4; j++)
            memcpy(&block[j][i], first + i * stride + j * 4, 4);
    }
    for (size_t j = 0; j < sizeof(struct xtop_key) / 4; j++)
        for (size_t i = 0; i < HASH_LANES; i++)
            lane[i] = hash_mix_block(lane[i], block[j][i]);
    for (size_t i = 0; i < HASH_LANES; i++)
        hash[i] = hash_finish(lane[i], sizeof(struct xtop_key));
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void hash_lanes_avx2(const uint8_t *first, size_t stride, uint32_t seed,
                                                            uint32_t hash[HASH_LANES])
{
    hash_lanes(first, stride, seed, hash);
}
#endif

void hash_keys(const struct xtop_key *first, size_t stride, uint32_t seed, uint32_t hash[HASH_LANES])
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        hash_lanes_avx2((const uint8_t *)first, stride, seed, hash);
        return;
    }
#endif
    hash_lanes((const uint8_t *)first, stride, seed, hash);
}
