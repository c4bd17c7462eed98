/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/dedup.h"

#include <string.h>
#include <sys/mman.h>

#define SETS 32768 /* a power of two */
#define WAYS 4     /* one cache line */

struct seen {
    uint64_t fingerprint; /* 0 = none */
    uint64_t time;        /* ns */
};

struct dedup {
    uint64_t key[2];
    uint64_t window; /* ns */
    struct seen seen[SETS][WAYS];
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t key_next(uint64_t *state)
{
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

struct dedup *dedup_open(uint32_t seed, uint64_t window)
{
    struct dedup *dedup =
        mmap(NULL, sizeof *dedup, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t state = seed;

    if (dedup == MAP_FAILED)
        return NULL;
    dedup->key[0] = key_next(&state);
    dedup->key[1] = key_next(&state);
    dedup->window = window;
    return dedup;
}

void dedup_close(struct dedup *dedup)
{
    if (dedup)
        munmap(dedup, sizeof *dedup);
}

/* Both halves of a product, one over the other: every bit of the result depends on every bit of both. */
static uint64_t fold(uint64_t left, uint64_t right)
{
    unsigned __int128 product = (unsigned __int128)left * right;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t fingerprint(const struct dedup *dedup, const struct frame *frame)
{
    uint64_t hash = fold(frame->length ^ dedup->key[0], frame->captured ^ dedup->key[1]);
    uint32_t at = 0;
    uint64_t part[2];

    for (; frame->captured - at > sizeof part; at += sizeof part) {
        memcpy(part, frame->data + at, sizeof part);
        hash = fold(hash ^ part[0] ^ dedup->key[0], part[1] ^ dedup->key[1]);
    }
    memset(part, 0, sizeof part);
    memcpy(part, frame->data + at, frame->captured - at);
    hash = fold(hash ^ part[0] ^ dedup->key[0], part[1] ^ dedup->key[1]);
    return hash ? hash : 1;
}

/* Whether the frame came within the window; if not, it is remembered from now on. */
static bool seen_before(struct dedup *dedup, const struct frame *frame, uint64_t now)
{
    uint64_t print = fingerprint(dedup, frame);
    struct seen *set = dedup->seen[print & (SETS - 1)];
    struct seen *room = &set[0];

    for (uint32_t i = 0; i < WAYS; i++) {
        if (set[i].fingerprint == print) {
            room = &set[i];
            if ((now > room->time ? now - room->time : room->time - now) <= dedup->window)
                return true;
            break;
        }
        if (set[i].time < room->time)
            room = &set[i];
    }
    *room = (struct seen){print, now};
    return false;
}

uint32_t dedup_partition(struct dedup *dedup, struct burst *burst, uint32_t count, uint64_t now)
{
    struct frame again[SOURCE_BURST];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct frame frame = burst->frame[i];

        if (seen_before(dedup, &frame, burst->timed ? frame.time : now))
            again[i - kept] = frame;
        else
            burst->frame[kept++] = frame;
    }
    memcpy(&burst->frame[kept], again, (count - kept) * sizeof again[0]);
    return kept;
}
