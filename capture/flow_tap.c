/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/flow_tap.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/flow_record.h"
#include "capture/parse.h"

#define FLAG_FIN 1
#define FLAG_RST 4
#define BOTH_ENDS 3

/* A message of more than a socket has room for would be lost whole (net.core.wmem_default is 208 KiB). */
#define BATCH_BYTES (96u << 10)

/* Up to TAP_BATCH frames on their way into one message. */
struct batch {
    struct tap_frame frame[TAP_BATCH];
    struct iovec part[1 + 2 * TAP_BATCH]; /* the head, then a tap_frame and its bytes for each */
    uint32_t count;
    uint32_t bytes; /* of frames */
};

/* A burst as the parser sees it. */
struct parsed_burst {
    const struct burst *burst;
    struct packet packet[SOURCE_BURST]; /* of frames that are of a flow */
    bool flow[SOURCE_BURST];
    uint32_t frames;
};

void flow_taps_init(struct flow_taps *taps)
{
    memset(taps, 0, sizeof *taps);
    pthread_mutex_init(&taps->lock, NULL);
    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++)
        taps->tap[i].fd = -1;
}

static bool tap_copies(const struct flow_tap *tap)
{
    return tap->fd >= 0 && tap->head.reason == TAP_GOES_ON;
}

/* Tells the workers whether there is anything to copy; the lock is held. */
static void taps_announce(struct flow_taps *taps)
{
    bool set = false;

    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++)
        set = set || tap_copies(&taps->tap[i]);
    atomic_store_explicit(&taps->set, set, memory_order_relaxed);
}

/* Sends a head and what is behind it, without waiting. False: there was no room, or nobody is there. */
static bool tap_send(struct flow_tap *tap, struct iovec *part, size_t parts)
{
    struct msghdr message = {.msg_iov = part, .msg_iovlen = parts};

    part[0] = (struct iovec){.iov_base = &tap->head, .iov_len = sizeof tap->head};
    return sendmsg(tap->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void tap_close(struct flow_tap *tap)
{
    if (tap->fd >= 0)
        close(tap->fd);
    tap->fd = -1;
}

static void batch_send(struct flow_tap *tap, struct batch *batch)
{
    if (batch->count == 0)
        return;
    tap->head.count = batch->count;
    if (!tap_send(tap, batch->part, 1 + 2 * (size_t)batch->count)) {
        tap->head.lost += batch->count;
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTSOCK || errno == ENOTCONN)
            tap_close(tap);
    }
    batch->count = batch->bytes = 0;
}

static void batch_add(struct flow_tap *tap, struct batch *batch, const struct source_queue *queue,
                      const struct frame *frame, uint64_t time)
{
    struct tap_frame *head;

    if (batch->bytes + frame->captured > BATCH_BYTES)
        batch_send(tap, batch);
    head = &batch->frame[batch->count];
    batch->bytes += frame->captured;
    *head = (struct tap_frame){
        .time = time,
        .captured = frame->captured,
        .length = frame->length,
        .queue = queue->number,
        .link = queue->link,
    };
    batch->part[1 + 2 * batch->count] = (struct iovec){.iov_base = head, .iov_len = sizeof *head};
    batch->part[2 + 2 * batch->count] =
        (struct iovec){.iov_base = (void *)(uintptr_t)frame->data, .iov_len = frame->captured};
    if (++batch->count == TAP_BATCH)
        batch_send(tap, batch);
}

/* Takes a frame off what is left. Returns the bound that it meets; the main thread then says so. */
static uint32_t bounds_take(struct flow_tap *tap, const struct frame *frame, const struct packet *packet)
{
    tap->head.matched++;
    tap->left.packets--;
    tap->left.bytes -= frame->captured < tap->left.bytes ? frame->captured : tap->left.bytes;
    if (packet->tcp_flags & FLAG_FIN)
        tap->fin_seen |= (uint8_t)(1u << packet->direction);
    if (packet->tcp_flags & FLAG_RST)
        tap->fin_seen = BOTH_ENDS;
    if (tap->left.packets == 0)
        return TAP_PACKETS;
    return tap->left.bytes == 0 ? TAP_BYTES : TAP_GOES_ON;
}

/* Heads of frames say TAP_GOES_ON, since the end is a message of its own. */
static void tap_burst(struct flow_tap *tap, const struct source_queue *queue, const struct parsed_burst *parsed,
                      uint64_t now)
{
    const struct burst *burst = parsed->burst;
    struct batch batch = {.count = 0, .bytes = 0};
    uint32_t reason = TAP_GOES_ON;

    for (uint32_t i = 0; i < parsed->frames && tap->fd >= 0 && reason == TAP_GOES_ON; i++) {
        const struct frame *frame = &burst->frame[i];

        if (!parsed->flow[i] || memcmp(&parsed->packet[i].key, &tap->key, sizeof tap->key) != 0)
            continue;
        reason = bounds_take(tap, frame, &parsed->packet[i]);
        batch_add(tap, &batch, queue, frame, burst->timed ? frame->time : now);
    }
    if (tap->fd >= 0)
        batch_send(tap, &batch);
    tap->head.reason = reason;
}

void flow_taps_burst(struct flow_taps *taps, const struct source_queue *queue, const struct burst *burst,
                     uint32_t frames, bool decap, uint64_t now)
{
    struct parsed_burst parsed = {.burst = burst, .frames = frames};

    for (uint32_t i = 0; i < frames; i++) {
        const struct frame *frame = &burst->frame[i];

        parsed.flow[i] = parse_frame(frame->data, frame->captured, frame->length, queue->link, decap,
                                     &parsed.packet[i]) == PARSE_FLOW;
    }
    pthread_mutex_lock(&taps->lock);
    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++)
        if (tap_copies(&taps->tap[i]))
            tap_burst(&taps->tap[i], queue, &parsed, now);
    taps_announce(taps);
    pthread_mutex_unlock(&taps->lock);
}

/* Sends the last message; the lock is held. Where there is no room for it now, the main thread tries again. */
static void tap_finish(struct flow_tap *tap)
{
    struct iovec part;

    tap->head.count = 0;
    if (tap_send(tap, &part, 1) || (errno != EAGAIN && errno != ENOBUFS))
        tap_close(tap);
}

static void tap_end(struct flow_tap *tap, enum tap_reason reason)
{
    if (tap->fd < 0)
        return;
    if (tap->head.reason == TAP_GOES_ON)
        tap->head.reason = reason;
    tap_finish(tap);
}

void flow_taps_end(struct flow_taps *taps, int whose, enum tap_reason reason)
{
    pthread_mutex_lock(&taps->lock);
    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++)
        if (whose == FLOW_TAPS_OF_ALL || taps->tap[i].whose == whose)
            tap_end(&taps->tap[i], reason);
    taps_announce(taps);
    pthread_mutex_unlock(&taps->lock);
}

void flow_taps_drop(struct flow_taps *taps, int whose)
{
    flow_taps_end(taps, whose, TAP_ASKED);
    pthread_mutex_lock(&taps->lock);
    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++)
        if (taps->tap[i].whose == whose)
            tap_close(&taps->tap[i]);
    pthread_mutex_unlock(&taps->lock);
}

/* A place for another tap of `whose`: his, if he has one, which ends. NULL = all are others'. */
static struct flow_tap *tap_place(struct flow_taps *taps, int whose)
{
    struct flow_tap *place = NULL;

    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++) {
        struct flow_tap *tap = &taps->tap[i];

        if (tap->fd < 0) {
            place = place ? place : tap;
        } else if (tap->whose == whose) {
            tap_end(tap, TAP_ASKED);
            tap_close(tap);
            return tap;
        }
    }
    return place;
}

void flow_taps_set(struct flow_taps *taps, int whose, int fd, const struct xtop_key *key,
                   const struct tap_bounds *bounds, uint64_t now, enum tap_reason refusal)
{
    struct flow_tap refused, *tap;
    struct iovec first;

    pthread_mutex_lock(&taps->lock);
    tap = tap_place(taps, whose);
    if (!tap)
        tap = &refused;
    *tap = (struct flow_tap){
        .fd = fd, .whose = whose, .key = *key, .left = *bounds, .heard_at = now, .until = now + bounds->nanoseconds};
    tap->head.reason = refusal == TAP_GOES_ON && tap == &refused ? TAP_TOO_MANY : refusal;
    if (!tap_send(tap, &first, 1) || !tap_copies(tap))
        tap_close(tap); /* else no frame of the flow is missed from here on */
    taps_announce(taps);
    pthread_mutex_unlock(&taps->lock);
}

static void tap_tend(struct flow_tap *tap, uint64_t now, uint64_t idle_timeout)
{
    uint64_t quiet;

    if (tap->head.matched != tap->heard)
        tap->heard_at = now;
    tap->heard = tap->head.matched;
    quiet = now - tap->heard_at;
    if (tap->head.reason == TAP_GOES_ON && now >= tap->until)
        tap->head.reason = TAP_SECONDS;
    else if (tap->head.reason == TAP_GOES_ON &&
             (quiet > idle_timeout || (tap->fin_seen == BOTH_ENDS && quiet > RECORD_TCP_QUIET)))
        tap->head.reason = TAP_FLOW_ENDED;
    if (tap->head.reason != TAP_GOES_ON)
        tap_finish(tap);
}

void flow_taps_tend(struct flow_taps *taps, uint64_t now)
{
    pthread_mutex_lock(&taps->lock);
    for (uint32_t i = 0; i < FLOW_TAPS_MOST; i++)
        if (taps->tap[i].fd >= 0)
            tap_tend(&taps->tap[i], now, taps->idle_timeout);
    taps_announce(taps);
    pthread_mutex_unlock(&taps->lock);
}
