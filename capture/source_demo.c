/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source `demo`: traffic out of a seed, for where there is no link, no right to open one, or a wish for the same
 * packets twice.
 *
 * DESIGN
 *   Who speaks next is drawn by Zipf's law with exponent 1 over the slots of the flows, unless somebody has an answer
 *   to give: answers (SYN/ACK, an acknowledgement, a DNS reply) wait in a ring with a place for each packet to come.
 *   Delays count in packets and not in time, so the order of the packets follows from seed, flows and rate alone; only
 *   how many are due by now is asked of the clock.
 *
 *   Queues share nothing. The flows, the packets and the rate are dealt out to them evenly.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/demo_flows.h"
#include "capture/demo_frames.h"
#include "capture/demo_random.h"
#include "capture/source.h"

#define DEFAULT_FLOWS 4000u
#define FASTEST_RATE 1000000u /* packets a second that delays are reckoned by where there is no rate */
#define WAIT_MS 2             /* the shortest round trips shall not all look the same */
#define CATCH_UP_MOST 0.1     /* seconds: what a stopped process missed is not sent in one go */
#define WAVE_PERIOD 20.0      /* seconds */
#define WAVE_HEIGHT 0.3       /* of the rate, up and down */
#define ANSWERS (1u << 16)    /* the longest wait of an answer, in packets */
#define ANSWER_PROBES 64u     /* places tried before an answer is left to chance */
#define ARP_EVERY 1024u       /* packets, on average */
#define CLOCK_EVERY 64u       /* packets */

struct demo_queue {
    struct source_queue base;
    struct demo_world world;
    struct demo_flow *flow; /* world.flows of them */
    uint64_t zipf_range;    /* logarithm of world.flows + 1, see power_of_two() */

    bool bounded;
    uint64_t left;   /* packets to come, when bounded */
    uint64_t number; /* of the next packet */
    uint64_t head;   /* the packets below this number are due at once */

    double rate;           /* packets a second; 0 = as fast as it goes */
    double budget;         /* packets due and not yet given */
    double started, asked; /* seconds of CLOCK_MONOTONIC; 0 = not yet */

    uint32_t answer[ANSWERS]; /* at packet number modulo ANSWERS: slot + 1 of who speaks then, 0 = nobody */
    struct demo_sums sums;
    struct demo_buffer buffer[SOURCE_BURST];
};

/* 2 to the power of `logarithm` (32 bits of fraction), rounded down; the parabola is 0.3 % off at most. */
static uint64_t power_of_two(uint64_t logarithm)
{
    uint64_t fraction = logarithm & UINT32_MAX;
    uint64_t slope = 43025 + (fraction * 22511 >> 32); /* 0.6565 and 0.3435, 16 bits of fraction */
    uint64_t mantissa = (UINT64_C(1) << 32) + (fraction * slope >> 16);

    return mantissa >> (32 - (logarithm >> 32));
}

/* The smallest logarithm whose power is `value`, at most 2^25. */
static uint64_t logarithm_of(uint64_t value)
{
    uint64_t low = 0;
    uint64_t high = UINT64_C(26) << 32;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (power_of_two(middle) < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A slot: if x is even over the logarithms, 2^x has the density 1/x. */
static uint32_t draw_slot(struct demo_queue *queue)
{
    uint64_t random = demo_random(&queue->world.random) >> 32;
    uint64_t logarithm = ((queue->zipf_range >> 32) * random) + ((queue->zipf_range & UINT32_MAX) * random >> 32);
    uint64_t slot = power_of_two(logarithm) - 1;

    return slot < queue->world.flows ? (uint32_t)slot : queue->world.flows - 1;
}

/* Who speaks now: who has an answer to give, else a flow by chance. */
static uint32_t choose_speaker(struct demo_queue *queue)
{
    uint32_t *place = &queue->answer[queue->number % ANSWERS];
    uint32_t waiting = *place;

    *place = 0;
    /* A flow that spoke by chance while it waited is not waiting any more. */
    if (waiting && queue->flow[waiting - 1].due == (uint32_t)queue->number)
        return waiting - 1;
    return draw_slot(queue);
}

static void answer_soon(struct demo_queue *queue, uint32_t slot)
{
    struct demo_flow *flow = &queue->flow[slot];
    uint32_t delay = 1 + flow->delay;

    if (delay > ANSWERS - 1 - ANSWER_PROBES)
        delay = ANSWERS - 1 - ANSWER_PROBES;
    for (uint32_t i = 0; i < ANSWER_PROBES; i++, delay++) {
        uint32_t due = (uint32_t)queue->number + delay;

        if (queue->answer[due % ANSWERS] == 0) {
            queue->answer[due % ANSWERS] = slot + 1;
            flow->due = due;
            return;
        }
    }
}

/* Builds the next packet of a flow. */
static void give_flow(struct demo_queue *queue, struct demo_buffer *buffer, struct frame *frame)
{
    struct demo_packet packet = {.identification = (uint16_t)queue->number};
    uint32_t slot = choose_speaker(queue);
    struct demo_flow *flow = &queue->flow[slot];
    enum demo_mood mood;

    flow->due = (uint32_t)queue->number; /* in the past from now on */
    mood = demo_flow_speak(flow, &queue->world, &packet);
    frame->length = demo_frame_build(buffer, &queue->sums, &packet, &frame->data);
    if (mood == DEMO_SOON)
        answer_soon(queue, slot);
    else if (mood == DEMO_OVER)
        demo_flow_start(flow, &queue->world, slot);
}

static void give_packet(struct demo_queue *queue, struct demo_buffer *buffer, struct frame *frame)
{
    struct demo_world *world = &queue->world;

    if (queue->number % CLOCK_EVERY == 0)
        world->now = (uint32_t)(queue->number * 1000 / world->packets_per_s);
    if (demo_random_below(&world->random, ARP_EVERY) == 0)
        frame->length = demo_frame_build_arp(buffer, (uint8_t)(1 + demo_random_below(&world->random, 250)),
                                             (uint8_t)(1 + demo_random_below(&world->random, 4)), &frame->data);
    else
        give_flow(queue, buffer, frame);
    frame->captured = frame->length;
    frame->time = 0;
    frame->cookie = 0;
    queue->number++;
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* From -1 to 1 and back, smoothly: two parabolas pass for a sine. */
static double wave(double seconds)
{
    double turns = seconds / WAVE_PERIOD;
    double half = (turns - (double)(uint64_t)turns) * 2;
    double sign = half < 1 ? 1 : -1;

    if (half >= 1)
        half -= 1;
    return sign * 4 * half * (1 - half);
}

/* Packets due by now, SOURCE_BURST at most. */
static uint32_t packets_due(struct demo_queue *queue)
{
    double now, passed;

    if (queue->rate <= 0 || queue->number < queue->head)
        return SOURCE_BURST;
    now = seconds_now();
    if (queue->asked <= 0)
        queue->started = queue->asked = now;
    passed = now - queue->asked;
    if (passed > CATCH_UP_MOST)
        passed = CATCH_UP_MOST;
    queue->asked = now;
    queue->budget += passed * queue->rate * (1 + WAVE_HEIGHT * wave(now - queue->started));
    if (queue->budget > queue->rate * CATCH_UP_MOST + SOURCE_BURST) /* asked for more than can be made */
        queue->budget = queue->rate * CATCH_UP_MOST + SOURCE_BURST;
    return queue->budget < SOURCE_BURST ? (uint32_t)queue->budget : SOURCE_BURST;
}

static enum source_result demo_take(struct source_queue *base, struct burst *burst)
{
    struct demo_queue *queue = (struct demo_queue *)base;
    uint32_t count = packets_due(queue);

    if (queue->bounded && count > queue->left)
        count = (uint32_t)queue->left;
    burst->timed = false;
    burst->count = count;
    for (uint32_t i = 0; i < count; i++)
        give_packet(queue, &queue->buffer[i], &burst->frame[i]);
    queue->left -= queue->bounded ? count : 0;
    if (queue->asked > 0)
        queue->budget -= count;
    if (queue->bounded && queue->left == 0)
        return SOURCE_END;
    return count ? SOURCE_FRAMES : SOURCE_IDLE;
}

/* The buffers of a burst are the queue's own and are written anew by the next take. */
static void demo_recycle(struct source_queue *base, const struct burst *burst)
{
    (void)base;
    (void)burst;
}

/* There is no kernel that could lose anything: the counters stay 0. */
static void demo_statistics(struct source_queue *base, struct xtop_queue *counters)
{
    (void)base;
    (void)counters;
}

/* Part `number` of `total`, dealt out to `parts` evenly. */
static uint64_t share_of(uint64_t total, uint32_t number, uint32_t parts)
{
    return total / parts + (number < total % parts);
}

/* Returns the queue, or NULL when memory is short. */
static struct demo_queue *queue_open(const struct options *options, uint32_t number, uint32_t queues)
{
    uint32_t flows = options->demo_flows ? options->demo_flows : DEFAULT_FLOWS;
    uint32_t reckoned = (options->demo_rate ? options->demo_rate : FASTEST_RATE) / queues;
    struct demo_queue *queue = calloc(1, sizeof *queue);
    uint64_t seed = options->demo_seed;

    if (!queue)
        return NULL;
    flows = (uint32_t)share_of(flows, number, queues);
    queue->base = (struct source_queue){.fd = -1, .wait_ms = WAIT_MS, .number = number, .link = LINK_ETHERNET};
    queue->world = (struct demo_world){
        .random = demo_random(&seed) + number * UINT64_C(0xd1342543de82ef95),
        .queue = number,
        .flows = flows ? flows : 1,
        .packets_per_s = reckoned ? reckoned : 1,
    };
    queue->zipf_range = logarithm_of((uint64_t)queue->world.flows + 1);
    queue->bounded = options->demo_packets > 0;
    queue->left = share_of(options->demo_packets, number, queues);
    queue->head = share_of(options->demo_head, number, queues);
    queue->rate = (double)options->demo_rate / queues;
    queue->flow = calloc(queue->world.flows, sizeof *queue->flow);
    if (!queue->flow) {
        free(queue);
        return NULL;
    }
    demo_frames_fill(queue->buffer, SOURCE_BURST, &queue->sums, demo_random(&queue->world.random));
    for (uint32_t slot = 0; slot < queue->world.flows; slot++)
        demo_flow_start(&queue->flow[slot], &queue->world, slot);
    return queue;
}

static void demo_close(struct source *source)
{
    for (uint32_t i = 0; i < source->queue_count; i++) {
        struct demo_queue *queue = (struct demo_queue *)source->queue[i];

        free(queue->flow);
        free(queue);
        source->queue[i] = NULL;
    }
    source->queue_count = 0;
}

static int demo_open(struct source *source, const struct options *options, struct failure *failure)
{
    uint32_t queues = options->threads > 1 ? options->threads : 1;

    if (queues > XTOP_MAX_QUEUES)
        queues = XTOP_MAX_QUEUES;
    source->queue_count = 0;
    for (uint32_t i = 0; i < queues; i++) {
        struct demo_queue *queue = queue_open(options, i, queues);

        if (!queue) {
            demo_close(source);
            return failure_set(failure, EXIT_FAILED, "out of memory (%u demo flows; lower --demo-flows)",
                               options->demo_flows);
        }
        source->queue[source->queue_count++] = &queue->base;
    }
    return 0;
}

const struct source_operations source_demo = {
    .name = "demo",
    .open = demo_open,
    .take = demo_take,
    .recycle = demo_recycle,
    .statistics = demo_statistics,
    .close = demo_close,
};
