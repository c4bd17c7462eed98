/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The demo's chance: splitmix64 (Sebastiano Vigna's public-domain generator), so that a seed gives the same traffic on
 * every machine. No floating point for the same reason.
 */
#ifndef XTOP_DEMO_RANDOM_H
#define XTOP_DEMO_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t demo_random(uint64_t *state)
{
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* 0 .. count - 1. */
static inline uint32_t demo_random_below(uint64_t *state, uint32_t count)
{
    return (uint32_t)((demo_random(state) >> 32) * count >> 32);
}

/* Small numbers more often than large ones: the density falls with the square root. */
static inline uint32_t demo_random_low(uint64_t *state, uint32_t count)
{
    uint64_t random = demo_random(state) >> 32;

    return (uint32_t)((random * random >> 32) * count >> 32);
}

/* True `percent` times in a hundred. */
static inline bool demo_random_percent(uint64_t *state, uint32_t percent)
{
    return demo_random_below(state, 100) < percent;
}

#endif
