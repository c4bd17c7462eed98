/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/sampling.h"

#include <string.h>

uint32_t sampling_threshold(uint32_t interval)
{
    uint64_t draws = ((UINT64_C(1) << 32) + interval / 2) / interval;

    return draws > UINT32_MAX ? UINT32_MAX : (uint32_t)draws;
}

void sampler_init(struct sampler *sampler, struct sampling plan, uint64_t seed)
{
    *sampler = (struct sampler){.plan = plan, .random = seed};
}

/* SplitMix64 (Steele, Lea, Flood 2014); the upper half. */
static uint32_t draw(struct sampler *sampler)
{
    uint64_t value = sampler->random += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((value ^ value >> 31) >> 32);
}

static bool takes_next(struct sampler *sampler)
{
    if (sampler->plan.random)
        return draw(sampler) < sampling_threshold(sampler->plan.interval);
    if (sampler->position == 0) {
        sampler->position = sampler->plan.interval - 1;
        return true;
    }
    sampler->position--;
    return false;
}

uint32_t sampler_partition(struct sampler *sampler, struct burst *burst)
{
    struct frame left_out[SOURCE_BURST];
    uint32_t taken = 0;

    for (uint32_t i = 0; i < burst->count; i++) {
        const struct frame frame = burst->frame[i];

        if (takes_next(sampler))
            burst->frame[taken++] = frame;
        else
            left_out[i - taken] = frame;
    }
    memcpy(&burst->frame[taken], left_out, (burst->count - taken) * sizeof left_out[0]);
    return taken;
}
