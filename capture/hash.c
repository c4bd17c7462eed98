/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/hash.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

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

#define KEY_WORDS (sizeof(struct xtop_key) / 4)

static void hash_lanes(const uint8_t *first, size_t stride, uint32_t seed, uint32_t hash[HASH_LANES])
{
    for (size_t i = 0; i < HASH_LANES; i++)
        hash[i] = hash_key((const struct xtop_key *)(const void *)(first + i * stride), seed);
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2"), always_inline)) static inline

/* Eight rows of eight words become eight columns. */
AVX2 void transpose(__m256i row[8])
{
    __m256i pair[8], four[8];

    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        four[i] = _mm256_unpacklo_epi64(pair[i], pair[i + 2]);
        four[i + 1] = _mm256_unpackhi_epi64(pair[i], pair[i + 2]);
        four[i + 2] = _mm256_unpacklo_epi64(pair[i + 1], pair[i + 3]);
        four[i + 3] = _mm256_unpackhi_epi64(pair[i + 1], pair[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        row[i] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x20);
        row[i + 4] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x31);
    }
}

/* The last two words of four keys: the first of each in the low half of the result's columns, the second in the high. */
AVX2 void tail_words(const uint8_t *first, size_t stride, __m128i word[2])
{
    __m128i key[4];

    for (size_t i = 0; i < 4; i++)
        key[i] = _mm_loadl_epi64((const __m128i *)(const void *)(first + i * stride + 32));
    key[0] = _mm_unpacklo_epi32(key[0], key[1]);
    key[2] = _mm_unpacklo_epi32(key[2], key[3]);
    word[0] = _mm_unpacklo_epi64(key[0], key[2]);
    word[1] = _mm_unpackhi_epi64(key[0], key[2]);
}

AVX2 void load_words(const uint8_t *first, size_t stride, __m256i word[KEY_WORDS])
{
    __m128i low[2], high[2];

    for (size_t i = 0; i < 8; i++)
        word[i] = _mm256_loadu_si256((const __m256i *)(const void *)(first + i * stride));
    transpose(word);
    tail_words(first, stride, low);
    tail_words(first + 4 * stride, stride, high);
    word[8] = _mm256_set_m128i(high[0], low[0]);
    word[9] = _mm256_set_m128i(high[1], low[1]);
}

AVX2 __m256i rotate(__m256i value, int bits)
{
    return _mm256_or_si256(_mm256_slli_epi32(value, bits), _mm256_srli_epi32(value, 32 - bits));
}

/* hash_finish, eight at a time. */
AVX2 __m256i finish(__m256i hash)
{
    hash = _mm256_xor_si256(hash, _mm256_set1_epi32(sizeof(struct xtop_key)));
    hash = _mm256_xor_si256(hash, _mm256_srli_epi32(hash, 16));
    hash = _mm256_mullo_epi32(hash, _mm256_set1_epi32((int)0x85ebca6b));
    hash = _mm256_xor_si256(hash, _mm256_srli_epi32(hash, 13));
    hash = _mm256_mullo_epi32(hash, _mm256_set1_epi32((int)0xc2b2ae35));
    return _mm256_xor_si256(hash, _mm256_srli_epi32(hash, 16));
}

__attribute__((target("avx2"))) static void hash_lanes_avx2(const uint8_t *first, size_t stride, uint32_t seed,
                                                            uint32_t hash[HASH_LANES])
{
    __m256i lane = _mm256_set1_epi32((int)seed);
    __m256i word[KEY_WORDS];

    load_words(first, stride, word);
    for (size_t i = 0; i < KEY_WORDS; i++) {
        __m256i block = _mm256_mullo_epi32(word[i], _mm256_set1_epi32((int)0xcc9e2d51));

        block = _mm256_mullo_epi32(rotate(block, 15), _mm256_set1_epi32(0x1b873593));
        lane = rotate(_mm256_xor_si256(lane, block), 13);
        /* lane * 5, cheaper than a multiplication */
        lane = _mm256_add_epi32(_mm256_add_epi32(lane, _mm256_slli_epi32(lane, 2)), _mm256_set1_epi32((int)0xe6546b64));
    }
    _mm256_storeu_si256((__m256i *)(void *)hash, finish(lane));
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
