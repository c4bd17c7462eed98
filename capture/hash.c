/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/hash.h"

#include <stdbool.h>

#include "capture/lanes_avx2.h"

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

#ifdef __x86_64__
#define LANES 8

/* The words of a key: two addresses of four; ports; VLAN, protocol and version. */
enum { ADDRESS_WORDS = 4, PORTS = 8 };

_Static_assert(offsetof(struct xtop_key, port) == (size_t)PORTS * 4 && sizeof(struct xtop_key) == 40,
               "hashed by words");

AVX2 const uint8_t *key_at(const uint8_t *first, size_t stride, size_t number)
{
    return first + number * stride;
}

/* One of the addresses, whole: word[0 .. 4) of all eight keys. */
AVX2 void load_address(const uint8_t *first, size_t stride, size_t at, __m256i word[ADDRESS_WORDS])
{
    for (size_t i = 0; i < 4; i++)
        word[i] = lanes_load(key_at(first, stride, i) + at * 4, key_at(first, stride, i + 4) + at * 4);
    lanes_transpose(word);
}

/* The addresses of two keys, the first address in the low half; their first words come to lie side by side. */
AVX2 __m256i load_pair(const uint8_t *first, size_t stride, size_t number, __m256i *any)
{
    __m256i left = _mm256_loadu_si256((const __m256i *)(const void *)key_at(first, stride, number));
    __m256i right = _mm256_loadu_si256((const __m256i *)(const void *)key_at(first, stride, number + 1));

    *any = _mm256_or_si256(*any, _mm256_or_si256(left, right));
    return _mm256_unpacklo_epi32(left, right);
}

/* The first words of both addresses; true when the others are 0 in all eight keys, as they are of IPv4. */
AVX2 bool load_short(const uint8_t *first, size_t stride, __m256i address[2])
{
    const __m256i others = _mm256_setr_epi32(0, -1, -1, -1, 0, -1, -1, -1);
    __m256i any = _mm256_setzero_si256();
    __m256i pair[4], four[2];

    for (size_t i = 0; i < 4; i++)
        pair[i] = load_pair(first, stride, 2 * i, &any);
    four[0] = _mm256_unpacklo_epi64(pair[0], pair[1]);
    four[1] = _mm256_unpacklo_epi64(pair[2], pair[3]);
    address[0] = _mm256_permute2x128_si256(four[0], four[1], 0x20);
    address[1] = _mm256_permute2x128_si256(four[0], four[1], 0x31);
    return _mm256_testz_si256(any, others);
}

/* The last two words of two keys. */
AVX2 __m128 load_tails(const uint8_t *first, size_t stride, size_t number)
{
    __m128i low = _mm_loadl_epi64((const __m128i *)(const void *)(key_at(first, stride, number) + PORTS * 4));

    return _mm_loadh_pi(_mm_castsi128_ps(low),
                        (const __m64 *)(const void *)(key_at(first, stride, number + 1) + PORTS * 4));
}

AVX2 void load_ports(const uint8_t *first, size_t stride, __m256i word[2])
{
    __m256 left = _mm256_set_m128(load_tails(first, stride, 4), load_tails(first, stride, 0));
    __m256 right = _mm256_set_m128(load_tails(first, stride, 6), load_tails(first, stride, 2));

    word[0] = _mm256_castps_si256(_mm256_shuffle_ps(left, right, 0x88));
    word[1] = _mm256_castps_si256(_mm256_shuffle_ps(left, right, 0xdd));
}

#ifdef __AVX512VL__
#define rotate(value, bits) _mm256_rol_epi32(value, bits)
#else
AVX2 __m256i rotate(__m256i value, int bits)
{
    return _mm256_or_si256(_mm256_slli_epi32(value, bits), _mm256_srli_epi32(value, 32 - bits));
}
#endif

/* hash_mix_block without the block, as it is for a block of 0; hash * 5 is cheaper so than by a multiplication. */
AVX2 __m256i mix_nothing(__m256i hash)
{
    hash = rotate(hash, 13);
    return _mm256_add_epi32(_mm256_add_epi32(hash, _mm256_slli_epi32(hash, 2)), lanes_all(0xe6546b64));
}

AVX2 __m256i mix_block(__m256i hash, __m256i block)
{
    block = rotate(_mm256_mullo_epi32(block, lanes_all(0xcc9e2d51)), 15);
    return mix_nothing(_mm256_xor_si256(hash, _mm256_mullo_epi32(block, lanes_all(0x1b873593))));
}

/* hash_finish, eight at a time. */
AVX2 __m256i finish(__m256i hash)
{
    hash = _mm256_xor_si256(hash, lanes_all(sizeof(struct xtop_key)));
    hash = _mm256_xor_si256(hash, _mm256_srli_epi32(hash, 16));
    hash = _mm256_mullo_epi32(hash, lanes_all(0x85ebca6b));
    hash = _mm256_xor_si256(hash, _mm256_srli_epi32(hash, 13));
    hash = _mm256_mullo_epi32(hash, lanes_all(0xc2b2ae35));
    return _mm256_xor_si256(hash, _mm256_srli_epi32(hash, 16));
}

AVX2 __m256i mix_short(__m256i hash, const __m256i address[2])
{
    for (size_t i = 0; i < 2; i++) {
        hash = mix_block(hash, address[i]);
        for (size_t rest = 1; rest < ADDRESS_WORDS; rest++)
            hash = mix_nothing(hash);
    }
    return hash;
}

AVX2 __m256i mix_long(__m256i hash, const uint8_t *first, size_t stride)
{
    for (size_t at = 0; at < PORTS; at += ADDRESS_WORDS) {
        __m256i word[ADDRESS_WORDS];

        load_address(first, stride, at, word);
        for (size_t i = 0; i < ADDRESS_WORDS; i++)
            hash = mix_block(hash, word[i]);
    }
    return hash;
}

AVX2 void hash_eight(const uint8_t *first, size_t stride, uint32_t seed, uint32_t hash[LANES])
{
    __m256i lane = _mm256_set1_epi32((int)seed);
    __m256i address[2], ports[2];

    lane = load_short(first, stride, address) ? mix_short(lane, address) : mix_long(lane, first, stride);
    load_ports(first, stride, ports);
    lane = finish(mix_block(mix_block(lane, ports[0]), ports[1]));
    _mm256_storeu_si256((__m256i *)(void *)hash, lane);
}

/* As many of `count` keys as come in eights; returns how many those are. */
__attribute__((target("avx2"))) static uint32_t hash_avx2(const uint8_t *first, size_t stride, uint32_t count,
                                                          uint32_t seed, uint32_t *hash)
{
    uint32_t i = 0;

    for (; i + LANES <= count; i += LANES)
        hash_eight(first + i * stride, stride, seed, hash + i);
    return i;
}
#endif

void hash_keys(const struct xtop_key *first, size_t stride, uint32_t count, uint32_t seed, uint32_t *hash)
{
    const uint8_t *at = (const uint8_t *)first;
    uint32_t i = 0;

#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        i = hash_avx2(at, stride, count, seed, hash);
#endif
    for (; i < count; i++)
        hash[i] = hash_key((const struct xtop_key *)(const void *)(at + i * stride), seed);
}
