/* SPDX-License-Identifier: BSD-2-Clause */
/* How a worker rests, on a clock of the test's own: a link at a steady rate, round after round, as the worker's loop has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/worker_rest.h"

#define RING 16384
#define SECOND UINT64_C(1000000000)
#define LATE 60000 /* ns by which each sleep ends too late */

/* A link and the worker behind it. */
struct link {
    struct worker_rest rest;
    uint64_t now;
    uint64_t cost;  /* ns a frame takes the worker */
    uint64_t apart; /* ns between two frames; 0 = none come */
    uint64_t next;  /* when the next comes */
    uint64_t busy;
    uint64_t asleep;
    uint64_t naps;
    uint64_t polls;
    uint64_t fullest; /* most frames that ever waited */
};

static struct link at(uint64_t apart, uint64_t cost, uint32_t ring, bool real_time)
{
    return (struct link){
        .rest = {.ring = ring, .real_time = real_time}, .now = SECOND, .cost = cost, .apart = apart, .next = SECOND};
}

static uint64_t waiting(const struct link *link)
{
    return link->apart && link->now >= link->next ? (link->now - link->next) / link->apart + 1 : 0;
}

static void sleep_until(struct link *link, uint64_t time)
{
    link->asleep += time - link->now;
    link->now = time;
}

static void idle(struct link *link)
{
    uint64_t nap;

    switch (worker_rest_idle(&link->rest, link->now, &nap)) {
    case REST_LOOK:
        link->now += 200;
        break;
    case REST_NAP:
        link->naps++;
        sleep_until(link, link->now + nap + LATE);
        break;
    case REST_POLL:
        link->polls++;
        sleep_until(link, link->apart && link->next < link->now + 40000000 ? link->next + LATE : link->now + 40000000);
    }
}

/* The worker's loop for so long. */
static void run(struct link *link, uint64_t time)
{
    uint64_t end = link->now + time;

    while (link->now < end) {
        uint64_t frames = waiting(link);

        link->fullest = frames > link->fullest ? frames : link->fullest;
        frames = frames < 64 ? frames : 64;
        link->next += frames * link->apart;
        link->now += frames * link->cost;
        link->busy += frames * link->cost;
        if (frames)
            worker_rest_earn(&link->rest, (uint32_t)frames, link->now);
        if (worker_rest_is_due(&link->rest, link->now))
            link->rest.real_time = worker_rest_earns_real_time(&link->rest, link->busy, link->now);
        if (!frames)
            idle(link);
    }
}

/* 1 Mpps: a ring lasts 16 ms. Naps, of which each gathers hundreds of frames, and no more; never near a full ring. */
static void test_a_link_with_time_is_napped_on(void **state)
{
    struct link link = at(1000, 50, RING, true);

    (void)state;
    run(&link, SECOND);
    assert_true(link.rest.real_time);
    assert_true(link.asleep > SECOND * 8 / 10);
    assert_true(link.naps > 1000 && link.naps < 10000);
    assert_true(link.polls < 300);
    assert_true(link.fullest < RING / 8);
}

/* 10 Mpps, half of its CPU: a ring lasts 1.6 ms. Awake, but for the part that it owes to other programs. */
static void test_a_fast_link_is_watched_awake(void **state)
{
    struct link link = at(100, 50, RING, true);

    (void)state;
    run(&link, 2 * SECOND);
    assert_true(link.rest.real_time);
    assert_true(link.asleep > 2 * SECOND / 16 && link.asleep < 2 * SECOND / 8);
    assert_int_equal(link.polls, 0);
    assert_true(link.fullest < RING / 4);
}

/*
 * The kernel stops real time that had 95 % of a second (sched(7)), whenever that second begins: what was slept before the
 * traffic came pays for none of it.
 */
static void test_sleep_before_the_traffic_pays_for_none_of_it(void **state)
{
    struct link link = at(0, 50, RING, true);

    (void)state;
    run(&link, SECOND * 3 / 10);
    link.apart = 100;
    link.next = link.now;
    link.asleep = 0;
    run(&link, SECOND / 10);
    assert_true(link.rest.real_time);
    assert_true(link.asleep > SECOND / 10 / 16);
}

/* What takes the whole CPU takes its turn among other programs, and comes before them again when it has time. */
static void test_who_has_no_time_in_hand_takes_its_turn(void **state)
{
    struct link link = at(100, 101, RING, true);

    (void)state;
    run(&link, SECOND);
    assert_false(link.rest.real_time);
    assert_int_equal(link.naps, 0);
    link.next = link.now;
    link.apart = 1000;
    link.cost = 50;
    run(&link, SECOND);
    assert_true(link.rest.real_time);
    assert_true(link.naps > 0);
}

/* An ordinary program's sleep ends when the scheduler sees fit: it does not nap, at any rate. */
static void test_an_ordinary_worker_never_naps(void **state)
{
    (void)state;
    for (uint64_t apart = 100; apart <= 1000000; apart *= 10) {
        struct link link = at(apart, 50, RING, false);

        run(&link, SECOND / 5); /* it has not been judged yet */
        assert_int_equal(link.naps, 0);
    }
}

/* 64 descriptors last 64 µs at 1 Mpps: no nap is short enough, and without one nobody stays before the others. */
static void test_a_ring_that_is_too_short_for_naps(void **state)
{
    struct link link = at(1000, 50, 64, true);

    (void)state;
    run(&link, 2 * SECOND);
    assert_int_equal(link.naps, 0);
    assert_true(link.fullest < 64);
}

static void test_a_quiet_link_is_waited_for(void **state)
{
    struct link link = at(0, 50, RING, true);

    (void)state;
    run(&link, 4 * SECOND);
    assert_true(link.rest.real_time);
    assert_int_equal(link.naps, 0);
    assert_in_range(link.polls, 90, 110); /* 40 ms each */
}

/* The longest naps are those of a slow link: one that becomes the fastest there is in the middle of a nap fits the ring. */
static void test_line_rate_comes_at_once(void **state)
{
    struct link link = at(1000, 50, RING, true);

    (void)state;
    run(&link, SECOND);
    link.apart = 67; /* 14.88 Mpps */
    link.next = link.now;
    link.fullest = 0;
    run(&link, SECOND / 10);
    assert_true(link.fullest < RING / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_link_with_time_is_napped_on),
        cmocka_unit_test(test_a_fast_link_is_watched_awake),
        cmocka_unit_test(test_sleep_before_the_traffic_pays_for_none_of_it),
        cmocka_unit_test(test_who_has_no_time_in_hand_takes_its_turn),
        cmocka_unit_test(test_an_ordinary_worker_never_naps),
        cmocka_unit_test(test_a_ring_that_is_too_short_for_naps),
        cmocka_unit_test(test_a_quiet_link_is_waited_for),
        cmocka_unit_test(test_line_rate_comes_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
