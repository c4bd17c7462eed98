/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "capture/hash.h"
#include "capture/parse.h"
#include "capture/traffic_lanes.h"

#define LANE_HASH_SEED 0

/* Sleeps until the lane has frames; returns how many, 0 = the end. */
static uint32_t lane_wait(struct traffic_lane *lane)
{
    struct traffic_lanes *lanes = lane->lanes;
    uint32_t frames;

    pthread_mutex_lock(&lanes->lock);
    while (!lane->waiting && !lanes->stopping)
        pthread_cond_wait(&lane->work, &lanes->lock);
    frames = lanes->stopping ? 0 : lane->waiting;
    lane->waiting = 0;
    pthread_mutex_unlock(&lanes->lock);
    return frames;
}

static void lanes_fail(struct traffic_lanes *lanes, const struct failure *failure)
{
    pthread_mutex_lock(&lanes->lock);
    lanes->failed = true;
    lanes->failure = *failure;
    pthread_mutex_unlock(&lanes->lock);
}

static void *lane_run(void *argument)
{
    struct traffic_lane *lane = argument;
    struct failure failure;
    uint32_t frames;

    if (traffic_pin(lane->cpu, &failure) < 0) {
        lanes_fail(lane->lanes, &failure);
        return NULL;
    }
    while ((frames = lane_wait(lane)) > 0)
        if (traffic_sender_run(lane->lanes->sender, frames, &failure) < 0)
            lanes_fail(lane->lanes, &failure);
    return NULL;
}

/* Signals are for the main thread. */
static int lane_start(struct traffic_lane *lane, struct failure *failure)
{
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    error = pthread_create(&lane->thread, NULL, lane_run, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    lane->started = !error;
    return error ? failure_set(failure, EXIT_FAILED, "cannot start a thread (%s)", strerror(error)) : 0;
}

int traffic_lanes_open(struct traffic_lanes *lanes, struct traffic_sender *sender, const int *cpu, uint32_t count,
                       struct failure *failure)
{
    int here = sched_getcpu();

    memset(lanes, 0, sizeof *lanes);
    for (uint32_t i = 0; i < TRAFFIC_LANES; i++)
        pthread_cond_init(&lanes->lane[i].work, NULL);
    pthread_mutex_init(&lanes->lock, NULL);
    lanes->sender = sender;
    lanes->count = count ? count : 1;
    lanes->size = TRAFFIC_SLOTS;
    while (lanes->size * lanes->count > TRAFFIC_SLOTS)
        lanes->size /= 2;
    for (uint32_t i = 0; i < lanes->count; i++) {
        struct traffic_lane *lane = &lanes->lane[i];

        lane->lanes = lanes;
        lane->cpu = count ? cpu[i] : here;
        lane->state = &sender->state[lane->cpu];
        lane->state->base = i * lanes->size;
        lane->state->size = lanes->size;
        if (lane_start(lane, failure) < 0) {
            traffic_lanes_close(lanes);
            return -1;
        }
    }
    return 0;
}

bool traffic_lanes_have_room(const struct traffic_lanes *lanes)
{
    for (uint32_t i = 0; i < lanes->count; i++) {
        const struct traffic_lane *lane = &lanes->lane[i];
        uint32_t unread = lane->laid - __atomic_load_n(&lane->state->next, __ATOMIC_ACQUIRE);

        if (unread + SOURCE_BURST > lanes->size)
            return false;
    }
    return true;
}

static struct traffic_lane *lane_of(struct traffic_lanes *lanes, const struct frame *frame)
{
    struct packet packet;

    if (lanes->count == 1 ||
        parse_frame(frame->data, frame->captured, frame->length, LINK_ETHERNET, false, &packet) != PARSE_FLOW)
        return &lanes->lane[0];
    return &lanes->lane[hash_key(&packet.key, LANE_HASH_SEED) % lanes->count];
}

void traffic_lanes_lay(struct traffic_lanes *lanes, const struct frame *frame)
{
    struct traffic_lane *lane = lane_of(lanes, frame);
    struct traffic_slot *slot = &lanes->sender->slot[lane->state->base + (lane->laid & (lanes->size - 1))];

    slot->length = frame->length;
    slot->captured = frame->captured;
    memcpy(slot->data, frame->data, frame->captured);
    lane->laid++;
}

int traffic_lanes_send(struct traffic_lanes *lanes, struct failure *failure)
{
    int result = 0;

    pthread_mutex_lock(&lanes->lock);
    for (uint32_t i = 0; i < lanes->count; i++) {
        struct traffic_lane *lane = &lanes->lane[i];

        lane->waiting += lane->laid - lane->told;
        lane->told = lane->laid;
        if (lane->waiting)
            pthread_cond_signal(&lane->work);
    }
    if (lanes->failed) {
        *failure = lanes->failure;
        result = -1;
    }
    pthread_mutex_unlock(&lanes->lock);
    return result;
}

void traffic_lanes_close(struct traffic_lanes *lanes)
{
    pthread_mutex_lock(&lanes->lock);
    lanes->stopping = true;
    for (uint32_t i = 0; i < lanes->count; i++)
        pthread_cond_signal(&lanes->lane[i].work);
    pthread_mutex_unlock(&lanes->lock);
    for (uint32_t i = 0; i < lanes->count; i++)
        if (lanes->lane[i].started)
            pthread_join(lanes->lane[i].thread, NULL);
    for (uint32_t i = 0; i < TRAFFIC_LANES; i++)
        pthread_cond_destroy(&lanes->lane[i].work);
    pthread_mutex_destroy(&lanes->lock);
}
