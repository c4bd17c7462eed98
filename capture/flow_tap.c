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

/* Up to TAP_BATCH frames on their way into one message. */
struct batch {
    struct tap_frame frame[TAP_BATCH];
    struct iovec part[1 + 2 * TAP_BATCH]; /* the head, then a tap_frame and its bytes for each */
    uint32_t count;
};

void flow_tap_init(struct flow_tap *tap)
{
    memset(tap, 0, sizeof *tap);
    pthread_mutex_init(&tap->lock, NULL);
    tap->fd = -1;
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
    atomic_store_explicit(&tap->set, false, memory_order_relaxed);
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
    batch->count = 0;
}

static void batch_add(struct flow_tap *tap, struct batch *batch, const struct source_queue *queue,
                      const struct frame *frame, uint64_t time)
{
    struct tap_frame *head = &batch->frame[batch->count];

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

/* Takes a frame off what is left. The bound that it meets stops the copying; the main thread then says so. */
static void bounds_take(struct flow_tap *tap, const struct frame *frame, const struct packet *packet)
{
    tap->head.matched++;
    tap->left.packets--;
    tap->left.bytes -= frame->captured < tap->left.bytes ? frame->captured : tap->left.bytes;
    if (packet->tcp_flags & FLAG_FIN)
        tap->fin_seen |= (uint8_t)(1u << packet->direction);
    if (packet->tcp_flags & FLAG_RST)
        tap->fin_seen = BOTH_ENDS;
    if (tap->left.packets == 0)
        tap->head.reason = TAP_PACKETS;
    else if (tap->left.bytes == 0)
        tap->head.reason = TAP_BYTES;
}

void flow_tap_burst(struct flow_tap *tap, const struct source_queue *queue, const struct burst *burst, uint32_t frames,
                    bool decap, uint64_t now)
{
    struct batch batch = {.count = 0};

    pthread_mutex_lock(&tap->lock);
    for (uint32_t i = 0; i < frames && tap->fd >= 0 && tap->head.reason == TAP_GOES_ON; i++) {
        const struct frame *frame = &burst->frame[i];
        struct packet packet;

        if (parse_frame(frame->data, frame->captured, frame->length, queue->link, decap, &packet) != PARSE_FLOW ||
            memcmp(&packet.key, &tap->key, sizeof packet.key) != 0)
            continue;
        bounds_take(tap, frame, &packet);
        batch_add(tap, &batch, queue, frame, burst->timed ? frame->time : now);
    }
    if (tap->fd >= 0) {
        uint32_t reason = tap->head.reason;

        tap->head.reason = TAP_GOES_ON; /* the end is a message of its own */
        batch_send(tap, &batch);
        tap->head.reason = reason;
    }
    pthread_mutex_unlock(&tap->lock);
}

/* Sends the last message; the lock is held. Where there is no room for it now, the main thread tries again. */
static void tap_finish(struct flow_tap *tap)
{
    struct iovec part;

    atomic_store_explicit(&tap->set, false, memory_order_relaxed);
    tap->head.count = 0;
    if (tap_send(tap, &part, 1) || (errno != EAGAIN && errno != ENOBUFS))
        tap_close(tap);
}

void flow_tap_end(struct flow_tap *tap, enum tap_reason reason)
{
    pthread_mutex_lock(&tap->lock);
    if (tap->fd >= 0) {
        if (tap->head.reason == TAP_GOES_ON)
            tap->head.reason = reason;
        tap_finish(tap);
    }
    pthread_mutex_unlock(&tap->lock);
}

void flow_tap_set(struct flow_tap *tap, int fd, const struct xtop_key *key, const struct tap_bounds *bounds,
                  uint64_t now, bool has_frames)
{
    struct iovec first;

    flow_tap_end(tap, TAP_ASKED);
    pthread_mutex_lock(&tap->lock);
    tap_close(tap);
    tap->fd = fd;
    tap->key = *key;
    tap->left = *bounds;
    tap->head = (struct tap_head){.reason = has_frames ? TAP_GOES_ON : TAP_NO_FRAMES};
    tap->fin_seen = 0;
    tap->heard = 0;
    tap->heard_at = now;
    tap->until = now + bounds->nanoseconds;
    atomic_store_explicit(&tap->set, has_frames, memory_order_relaxed);
    if (!has_frames)
        tap_finish(tap);
    else if (!tap_send(tap, &first, 1)) /* from here on no frame of the flow is missed */
        tap_close(tap);
    pthread_mutex_unlock(&tap->lock);
}

void flow_tap_tend(struct flow_tap *tap, uint64_t now)
{
    pthread_mutex_lock(&tap->lock);
    if (tap->fd >= 0) {
        uint64_t quiet;

        if (tap->head.matched != tap->heard)
            tap->heard_at = now;
        tap->heard = tap->head.matched;
        quiet = now - tap->heard_at;
        if (tap->head.reason == TAP_GOES_ON && now >= tap->until)
            tap->head.reason = TAP_SECONDS;
        else if (tap->head.reason == TAP_GOES_ON &&
                 (quiet > tap->idle_timeout || (tap->fin_seen == BOTH_ENDS && quiet > RECORD_TCP_QUIET)))
            tap->head.reason = TAP_FLOW_ENDED;
        if (tap->head.reason != TAP_GOES_ON)
            tap_finish(tap);
    }
    pthread_mutex_unlock(&tap->lock);
}
