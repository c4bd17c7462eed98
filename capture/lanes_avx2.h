/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eight lanes of 32 bits: the words of eight keys, of eight frames' headers, of eight packets, side by side. A row is
 * what lies together in memory, 16 bytes of one lane; rows i and i + 4 share a vector, so nothing has to cross its halves.
 *
 * Only functions compiled for AVX2 may call these, and only where __builtin_cpu_supports says that the CPU has it.
 */
#ifndef XTOP_LANES_AVX2_H
#define XTOP_LANES_AVX2_H

#ifdef __x86_64__
#include <immintrin.h>
#include <stdint.h>

#define AVX2 __attribute__((target("avx2"), always_inline)) static inline

#ifdef __AVX512VL__
/* A constant in every lane: an operand of the instruction that needs it. */
#define lanes_all(value) _mm256_set1_epi32((int)(value))
#else
/*
 * A constant in every lane, loaded. Left to itself gcc 12 makes it of an immediate, by two instructions on the port that
 * all shuffles wait for.
 */
#define lanes_all(value)                                                          \
    ({                                                                            \
        static const uint32_t lanes_value = (uint32_t)(value);                    \
        __m256i lanes_constant;                                                   \
        __asm__("vpbroadcastd %1, %0" : "=x"(lanes_constant) : "m"(lanes_value)); \
        lanes_constant;                                                           \
    })
#endif

/* The row at `low` and, four lanes on, that at `high`. */
AVX2 __m256i lanes_load(const void *low, const void *high)
{
    __m256i row = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low));

    return _mm256_inserti128_si256(row, _mm_loadu_si128((const __m128i *)high), 1);
}

AVX2 void lanes_store(void *low, void *high, __m256i row)
{
    _mm_storeu_si128((__m128i *)low, _mm256_castsi256_si128(row));
    _mm_storeu_si128((__m128i *)high, _mm256_extracti128_si256(row, 1));
}

/* Four rows of four words, twice, become their columns, and back. */
AVX2 void lanes_transpose(__m256i at[4])
{
    __m256i pair[4] = {
        _mm256_unpacklo_epi32(at[0], at[1]),
        _mm256_unpackhi_epi32(at[0], at[1]),
        _mm256_unpacklo_epi32(at[2], at[3]),
        _mm256_unpackhi_epi32(at[2], at[3]),
    };

    at[0] = _mm256_unpacklo_epi64(pair[0], pair[2]);
    at[1] = _mm256_unpackhi_epi64(pair[0], pair[2]);
    at[2] = _mm256_unpacklo_epi64(pair[1], pair[3]);
    at[3] = _mm256_unpackhi_epi64(pair[1], pair[3]);
}

/* Bit i of the result is lane i of `mask`, whose lanes are all ones or all zeros. */
AVX2 uint32_t lanes_bits(__m256i mask)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(mask));
}
#endif

#endif
