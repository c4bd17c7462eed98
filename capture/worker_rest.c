/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/worker_rest.h"

/* Naps end late: here by 20 to 90 µs, seldom by 1 ms, and by some where another program is busy in the kernel. */
#define LASTS_LONG UINT64_C(8000000)
#define LASTS_FOREVER (UINT64_C(1000) * LASTS_LONG)

/* Senders send in bursts: the rate is that of so long a time. */
#define MEASURE_EVERY UINT64_C(5000000)
#define MEASURE_MOST UINT64_C(1000000000)
#define FORGET_PART 8

/*
 * A nap takes this part of the time that a ring lasts, and a quarter of a ring at most should frames come at 10 Gbit/s,
 * 67 ns each, meanwhile. One that would be shorter than a timer can is none.
 */
#define NAP_PART 16
#define NAP_PER_FRAME UINT64_C(15)
#define NAP_LEAST UINT64_C(50000)

/* The part of its time that a worker before all others sleeps at least, must have slept to stay so, must have to begin. */
#define SLEEP_LEAST 12
#define SLEEP_TO_STAY 16
#define IDLE_TO_BEGIN 8

/*
 * A longer sleep pays for no time awake. Poll(2) slept through a time of which the traffic now says nothing; and a nap that ended
 * this late did so because another worker has the same CPU: if both stayed awake nothing of it would be left to others.
 */
#define SLEEP_MOST UINT64_C(200000)

/* Time to stay awake that a frame earns, and the most that can be saved up. */
#define AWAKE_PER_FRAME UINT64_C(600)
#define AWAKE_MOST UINT64_C(5000000)

static void rest_wake(struct worker_rest *rest, uint64_t now)
{
    if (!rest->asleep)
        return;
    rest->asleep = false;
    rest->length = now - rest->begun;
    rest->slept += rest->length;
}

void worker_rest_earn(struct worker_rest *rest, uint32_t frames, uint64_t now)
{
    rest_wake(rest, now);
    rest->came = true;
    rest->frames += frames;
    rest->credit_at = now;
    rest->credit += frames * AWAKE_PER_FRAME;
    if (rest->credit > AWAKE_MOST)
        rest->credit = AWAKE_MOST;
}

static enum worker_rest_kind rest_sleep(struct worker_rest *rest, uint64_t now, enum worker_rest_kind kind)
{
    rest->asleep = true;
    rest->begun = rest->credit_at = now;
    rest->came = false;
    return kind;
}

static enum worker_rest_kind rest_awake(struct worker_rest *rest, uint64_t now)
{
    uint64_t spent = now - rest->credit_at;

    if (rest->credit <= spent || !rest->ring)
        return rest_sleep(rest, now, REST_POLL);
    rest->credit_at = now;
    rest->credit -= spent;
    return REST_LOOK;
}

/* 0 = none: the ring would fill. */
static uint64_t nap_length(const struct worker_rest *rest)
{
    uint64_t most = rest->ring * NAP_PER_FRAME;
    uint64_t nap = rest->lasts / NAP_PART < most ? rest->lasts / NAP_PART : most;

    if (nap < NAP_LEAST)
        return 0;
    return rest->lasts < LASTS_LONG ? NAP_LEAST : nap;
}

/* Whether its last sleep is enough for now. */
static bool rest_is_enough(const struct worker_rest *rest, uint64_t now)
{
    return rest->length <= SLEEP_MOST && now - rest->begun < rest->length * SLEEP_LEAST;
}

/* What was measured last, but it is forgotten slowly that it was less: who has sent that fast will again. */
static void rest_measure(struct worker_rest *rest, uint64_t now)
{
    uint64_t time = now - rest->measured;
    uint64_t lasts;

    if (time < MEASURE_EVERY)
        return;
    if (time > MEASURE_MOST) /* the first time: of the clock itself */
        time = MEASURE_MOST;
    lasts = rest->frames ? time * rest->ring / rest->frames : LASTS_FOREVER;
    if (rest->lasts && rest->lasts + rest->lasts / FORGET_PART < lasts)
        lasts = rest->lasts + rest->lasts / FORGET_PART;
    rest->lasts = lasts;
    rest->measured = now;
    rest->frames = 0;
}

enum worker_rest_kind worker_rest_idle(struct worker_rest *rest, uint64_t now, uint64_t *nap)
{
    rest_wake(rest, now);
    rest_measure(rest, now);
    *nap = nap_length(rest);
    if (!rest->real_time || !*nap || (rest->lasts < LASTS_LONG && rest_is_enough(rest, now)))
        return rest_awake(rest, now);
    if (!rest->came && rest->lasts >= LASTS_LONG)
        return rest_sleep(rest, now, REST_POLL);
    return rest_sleep(rest, now, REST_NAP);
}

bool worker_rest_earns_real_time(struct worker_rest *rest, uint64_t busy, uint64_t now)
{
    uint64_t time = now - rest->judged;
    bool first = rest->judged == 0;
    bool stays;
    bool begins;

    rest_wake(rest, now);
    rest_measure(rest, now);
    stays = rest->slept >= time / SLEEP_TO_STAY;
    begins = nap_length(rest) && busy - rest->judged_busy + time / IDLE_TO_BEGIN <= time;
    rest->judged = now;
    rest->judged_busy = busy;
    rest->slept = 0;
    if (first)
        return rest->real_time;
    return rest->real_time ? stays : begins;
}
