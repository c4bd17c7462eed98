/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a worker waits when its rings are empty, and the place among other programs that this earns it.
 *
 * A ring holds some milliseconds of a fast link, and a program that got its turn on the worker's CPU keeps it up to a
 * tick of the scheduler (4 ms at HZ=250), however low its priority. So a worker comes before all ordinary programs
 * (SCHED_FIFO, sched(7)) as long as it leaves them some time. One that rests less than a sixteenth of it would starve its
 * CPU, and the kernel would stop it for the rest of a second that it had 95 % of ("Limiting the CPU usage of real-time and
 * deadline processes"): it takes its turn among them again (SCHED_OTHER, capture/priority.h) until it has time in hand.
 *
 * How it rests depends on how long a ring lasts at the rate of now:
 *   long enough for a late timer   it naps, for a small part of that time: the sender wakes nobody, bursts are full
 *   not long enough                it stays awake, since each sleep may end late, but for a short nap now and then
 *   nothing comes                  poll(2)
 * As an ordinary program it never naps, since that ends when the scheduler sees fit.
 */
#ifndef XTOP_WORKER_REST_H
#define XTOP_WORKER_REST_H

#include <stdbool.h>
#include <stdint.h>

/* All times in ns, of one clock. Zero but for `ring` and `real_time` at the start. */
struct worker_rest {
    uint32_t ring;        /* frames that the smallest of the rings holds; 0 = no ring of the kernel's: only poll(2) */
    bool real_time;       /* before all ordinary programs now */
    bool refused;         /* the kernel did not let it come back to that */
    bool asleep;          /* since `begun`: nothing has been reckoned since */
    uint64_t begun;       /* when the last sleep began */
    uint64_t length;      /* how long it was */
    bool came;            /* frames came since */
    uint64_t measured;    /* when the rate was last measured */
    uint64_t frames;      /* that came since */
    uint64_t lasts;       /* how long a ring lasts at that rate */
    uint64_t credit;      /* time that may be spent looking for frames without sleeping */
    uint64_t credit_at;   /* when that was reckoned last */
    uint64_t judged;      /* when the place was last decided on */
    uint64_t judged_busy; /* time spent on frames until then */
    uint64_t slept;       /* time asleep since then */
};

enum worker_rest_kind {
    REST_LOOK, /* look again at once */
    REST_NAP,  /* sleep for *nap ns */
    REST_POLL  /* sleep in poll(2) until a frame comes */
};

/* `frames` came, counted until `now`. */
void worker_rest_earn(struct worker_rest *rest, uint32_t frames, uint64_t now);

/* Nothing came: what to do, which the caller then does. */
enum worker_rest_kind worker_rest_idle(struct worker_rest *rest, uint64_t now, uint64_t *nap);

/*
 * Whether the worker should come before ordinary programs from now on. `busy`: ns that it has spent on frames so far.
 * To be asked some times a second, when worker_rest_is_due.
 */
bool worker_rest_earns_real_time(struct worker_rest *rest, uint64_t busy, uint64_t now);

/* Long enough for a busy moment, shorter than the second after which the kernel itself steps in (sched(7), 950 ms). */
static inline bool worker_rest_is_due(const struct worker_rest *rest, uint64_t now)
{
    return now - rest->judged > UINT64_C(400000000);
}

#endif
