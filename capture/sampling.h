/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which packets are sampled, in the terms of RFC 5475: systematic count-based (packets 1, N + 1, 2 N + 1 ... of a
 * stream) or uniform probabilistic (each by itself with probability 1/N). Where a BPF program takes the packets it
 * chooses by the same rule (bpf/sampling.bpf.h); this chooses for all other sources.
 */
#ifndef XTOP_SAMPLING_H
#define XTOP_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/source.h"

/* One stream of packets and where its selection stands. */
struct sampler {
    struct sampling plan;
    uint32_t position; /* systematic: packets to pass over before the next one is taken */
    uint64_t random;   /* state of the generator */
};

/* `seed` decides which packets a random choice takes. */
void sampler_init(struct sampler *sampler, struct sampling plan, uint64_t seed);

/* Moves the frames that are taken to the front of `burst`, in their order, and returns how many there are. */
uint32_t sampler_partition(struct sampler *sampler, struct burst *burst);

/* Of 2^32 equally likely draws, how many take a packet: the nearest to 2^32 / interval. */
uint32_t sampling_threshold(uint32_t interval);

#endif
