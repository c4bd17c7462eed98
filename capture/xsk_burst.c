/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the worker does with an AF_XDP socket burst after burst: nothing here allocates, locks or waits.
 *
 * System calls: one recvfrom(2) in take() when the RX ring is empty and the worker polls busily; one in recycle() while
 * a zero-copy driver has asked to be woken for new fill-ring entries. statistics() makes two getsockopt(2).
 *
 * A removed interface. The kernel unbinds the socket and leaves ENETDOWN as its error, but poll(2) does not report it
 * (xsk_poll() knows no POLLERR). So statistics(), which the worker calls some times a second anyway, reads SO_ERROR,
 * and the next take() that finds the ring empty says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "capture/xsk_queue.h"

#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0) /* kernel 6.6, linux/if_xdp.h: the packet goes on in the next descriptor */
#endif

/*
 * Wakes the driver. Errors are its way to say "later", ENETDOWN that the link is down, from which it may come back; all
 * but that of a socket that the kernel has unbound, because the interface was removed.
 */
static void xsk_kick(struct xsk_queue *queue)
{
    queue->kicks++;
    if (recvfrom(queue->base.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0 && errno == ENXIO)
        queue->gone = true;
    if (__atomic_load_n(&queue->settings->rx_queues_now, __ATOMIC_RELAXED) != queue->settings->rx_queues)
        queue->changed = true;
}

static enum source_result xsk_take_nothing(struct xsk_queue *queue)
{
    if (queue->settings->busy_poll)
        xsk_kick(queue);
    if (!queue->gone && !queue->changed)
        return SOURCE_IDLE;
    if (queue->gone)
        failure_set(&queue->base.failure, EXIT_FAILED,
                    "interface %s is gone (removed while capturing; start again when it is back)",
                    queue->settings->interface);
    else
        failure_set(&queue->base.failure, EXIT_FAILED,
                    "%s has %" PRIu32 " RX queues now and had %" PRIu32 " (frames would pass by unseen; start again)",
                    queue->settings->interface, __atomic_load_n(&queue->settings->rx_queues_now, __ATOMIC_RELAXED),
                    queue->settings->rx_queues);
    return SOURCE_FAILED;
}

static void xsk_frame_set(struct xsk_queue *queue, struct frame *frame, const struct xdp_desc *descriptor)
{
    frame->data = queue->area + descriptor->addr;
    frame->captured = descriptor->len;
    frame->length = descriptor->len;
    frame->cookie = descriptor->addr;
}

/* Frames that lie in the ring already, behind the `taken` from `at`: the worker fetches them while it counts these. */
static void xsk_look_ahead(struct xsk_queue *queue, struct burst *burst, uint32_t at, uint32_t taken)
{
    uint32_t more = queue->rx.cached_prod - queue->rx.cached_cons;

    for (uint32_t i = queue->looked_at; i < taken; i++) /* that came since */
        __builtin_prefetch(burst->frame[i].data);
    burst->next_count = more < SOURCE_BURST ? more : SOURCE_BURST;
    queue->looked_at = burst->next_count;
    for (uint32_t i = 0; i < burst->next_count; i++)
        burst->next[i] = queue->area + xsk_ring_cons__rx_desc(&queue->rx, at + taken + i)->addr;
}

/*
 * Multi-buffer: the burst gets each packet's first fragment. The others are never looked at, so they are free at once,
 * and a burst can hold fewer frames than it took descriptors. A packet that the peek cut in two is left for next time:
 * the kernel writes at most 18 fragments a packet, so one always fits.
 */
static uint32_t xsk_take_fragments(struct xsk_queue *queue, struct burst *burst, uint32_t at, uint32_t available)
{
    uint32_t taken = 0;
    uint32_t next = 0;

    while (next < available) {
        const struct xdp_desc *descriptor = xsk_ring_cons__rx_desc(&queue->rx, at + next);
        uint32_t end = next;
        uint32_t length = 0;

        do
            length += xsk_ring_cons__rx_desc(&queue->rx, at + end)->len;
        while (xsk_ring_cons__rx_desc(&queue->rx, at + end++)->options & XDP_PKT_CONTD && end < available);
        if (xsk_ring_cons__rx_desc(&queue->rx, at + end - 1)->options & XDP_PKT_CONTD)
            break;
        xsk_frame_set(queue, &burst->frame[taken], descriptor);
        burst->frame[taken++].length = length;
        for (uint32_t i = next + 1; i < end; i++)
            queue->spare[queue->spare_count++] = xsk_ring_cons__rx_desc(&queue->rx, at + i)->addr;
        next = end;
    }
    xsk_ring_cons__cancel(&queue->rx, available - next);
    xsk_ring_cons__release(&queue->rx, next);
    return taken;
}

enum source_result xsk_queue_take(struct source_queue *base, struct burst *burst)
{
    struct xsk_queue *queue = (struct xsk_queue *)base;
    uint32_t at;
    uint32_t available = xsk_ring_cons__peek(&queue->rx, SOURCE_BURST, &at);

    burst->count = 0;
    burst->timed = false;
    if (!available)
        return xsk_take_nothing(queue);
    if (queue->settings->fragments) {
        burst->count = xsk_take_fragments(queue, burst, at, available);
        return SOURCE_FRAMES;
    }
    for (uint32_t i = 0; i < available; i++)
        xsk_frame_set(queue, &burst->frame[i], xsk_ring_cons__rx_desc(&queue->rx, at + i));
    xsk_look_ahead(queue, burst, at, available);
    /* The frames are ours until they are back in the fill ring; only the descriptors are given back here. */
    xsk_ring_cons__release(&queue->rx, available);
    burst->count = available;
    return SOURCE_FRAMES;
}

void xsk_queue_recycle(struct source_queue *base, const struct burst *burst)
{
    struct xsk_queue *queue = (struct xsk_queue *)base;
    uint64_t frame_mask = ~(uint64_t)(queue->settings->frame_size - 1);
    uint32_t room;
    uint32_t at;

    for (uint32_t i = 0; i < burst->count; i++)
        queue->spare[queue->spare_count++] = burst->frame[i].cookie;
    room = xsk_prod_nb_free(&queue->fill, queue->spare_count);
    if (room > queue->spare_count)
        room = queue->spare_count;
    if (room && xsk_ring_prod__reserve(&queue->fill, room, &at)) {
        for (uint32_t i = 0; i < room; i++)
            *xsk_ring_prod__fill_addr(&queue->fill, at + i) = queue->spare[--queue->spare_count] & frame_mask;
        xsk_ring_prod__submit(&queue->fill, room);
    }
    if (xsk_ring_prod__needs_wakeup(&queue->fill))
        xsk_kick(queue);
}

/* Returns false, and leaves `statistics` zero, where the socket is not bound. */
static bool xsk_read_statistics(const struct xsk_queue *queue, struct xdp_statistics *statistics)
{
    socklen_t size = sizeof *statistics;

    *statistics = (struct xdp_statistics){0};
    return queue->bound && getsockopt(queue->base.fd, SOL_XDP, XDP_STATISTICS, statistics, &size) == 0;
}

uint64_t xsk_queue_lost(const struct xsk_queue *queue)
{
    struct xdp_statistics statistics;

    xsk_read_statistics(queue, &statistics);
    return statistics.rx_dropped + statistics.rx_ring_full;
}

/*
 * The kernel's counters made disjoint, so that their sum is the frames lost here.
 *   Copying: a frame that finds the fill ring empty counts in rx_dropped and in rx_fill_ring_empty_descs
 *   (net/xdp/xsk.c, __xsk_rcv(); xsk_buff_pool.c, __xp_alloc()): it is taken out of the former.
 *   Zero copy: rx_fill_ring_empty_descs counts the driver's vain attempts to take a buffer, not frames. What is lost
 *   then is dropped by the device and is in its own counters, so here it is 0.
 */
void xsk_queue_statistics(struct source_queue *base, struct xtop_queue *counters)
{
    struct xsk_queue *queue = (struct xsk_queue *)base;
    struct xdp_statistics statistics;
    int error = 0;
    socklen_t size = sizeof error;
    uint64_t starved;

    counters->wakeups += queue->kicks; /* the worker adds its own polls */
    queue->kicks = 0;
    if (!xsk_read_statistics(queue, &statistics))
        return;
    starved = queue->zero_copy ? 0 : statistics.rx_fill_ring_empty_descs;
    counters->rx_dropped = statistics.rx_dropped > starved ? statistics.rx_dropped - starved : 0;
    counters->rx_fill_ring_empty = starved;
    counters->rx_ring_full = statistics.rx_ring_full;
    counters->rx_invalid_descs = statistics.rx_invalid_descs;
    if (getsockopt(queue->base.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error)
        queue->gone = true;
    if (__atomic_load_n(&queue->settings->rx_queues_now, __ATOMIC_RELAXED) != queue->settings->rx_queues)
        queue->changed = true;
}
