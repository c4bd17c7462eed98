/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and unmaking one AF_XDP socket. What happens once a burst is in xsk_burst.c. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "capture/xsk_queue.h"

/* Newer than the headers of Debian 12 and Ubuntu 22.04. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD
#define XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD XSK_LIBBPF_FLAGS__INHIBIT_PROG_LOAD
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

#define XSK_POLL_MS 100          /* longest sleep of an idle worker */
#define XSK_BUSY_POLL_US 20      /* as in the kernel's Documentation/networking/napi.rst */
#define XSK_COMPLETION_SIZE 64   /* any power of two: nothing is sent */
#define XSK_HUGE_PAGE (2u << 20) /* bytes */
#define XSK_RETRIES 20
#define XSK_RETRY_NS 50000000

static void xsk_wait_retry(void)
{
    struct timespec pause = {.tv_nsec = XSK_RETRY_NS};

    nanosleep(&pause, NULL);
}

static uint32_t xsk_frame_count(const struct xsk_settings *settings)
{
    return settings->ring_size + SOURCE_BURST;
}

/* Huge pages where some are set aside, else whole huge pages' worth of address space that the kernel may merge. */
static int xsk_map_area(struct xsk_queue *queue)
{
    size_t size = (size_t)xsk_frame_count(queue->settings) * queue->settings->frame_size;
    void *area;

    queue->area_size = (size + XSK_HUGE_PAGE - 1) & ~(size_t)(XSK_HUGE_PAGE - 1);
    area = mmap(NULL, queue->area_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (area == MAP_FAILED) {
        queue->area_size = size;
        area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED)
            return -errno;
        madvise(area, size, MADV_HUGEPAGE);
    }
    queue->area = area;
    return 0;
}

/*
 * A kernel worker gives the locked memory of a closed UMEM back a moment later, so -ENOBUFS is asked again. One try is
 * enough where nothing was closed before, which cannot be told from here: it costs a second before an error.
 */
static int xsk_register_area(struct xsk_queue *queue)
{
    const struct xsk_umem_config config = {
        .fill_size = queue->settings->ring_size,
        .comp_size = XSK_COMPLETION_SIZE,
        .frame_size = queue->settings->frame_size,
    };
    uint64_t size = (uint64_t)xsk_frame_count(queue->settings) * queue->settings->frame_size;
    int error = 0;

    for (int attempt = 0; attempt < XSK_RETRIES; attempt++) {
        error = xsk_umem__create(&queue->umem, queue->area, size, &queue->fill, &queue->completion, &config);
        if (error != -ENOBUFS)
            break;
        xsk_wait_retry();
    }
    return error;
}

static void xsk_fill_ring(struct xsk_queue *queue)
{
    uint32_t ring_size = queue->settings->ring_size;
    uint32_t at = 0;

    xsk_ring_prod__reserve(&queue->fill, ring_size, &at); /* all of a ring that is empty yet */
    for (uint32_t i = 0; i < ring_size; i++)
        *xsk_ring_prod__fill_addr(&queue->fill, at + i) = (uint64_t)i * queue->settings->frame_size;
    xsk_ring_prod__submit(&queue->fill, ring_size);
    for (uint32_t i = ring_size; i < xsk_frame_count(queue->settings); i++)
        queue->spare[queue->spare_count++] = (uint64_t)i * queue->settings->frame_size;
}

static int xsk_queue_prepare(struct xsk_queue *queue)
{
    int error;

    queue->spare = calloc(xsk_frame_count(queue->settings), sizeof *queue->spare);
    if (!queue->spare)
        return -ENOMEM;
    error = xsk_map_area(queue);
    if (!error)
        error = xsk_register_area(queue);
    if (!error)
        xsk_fill_ring(queue);
    return error;
}

struct xsk_queue *xsk_queue_create(const struct xsk_settings *settings, uint32_t number, int *error)
{
    struct xsk_queue *queue = calloc(1, sizeof *queue);

    if (!queue) {
        *error = -ENOMEM;
        return NULL;
    }
    queue->settings = settings;
    queue->base = (struct source_queue){.fd = -1, .wait_ms = XSK_POLL_MS, .number = number, .link = LINK_ETHERNET};
    queue->base.ring_frames = settings->ring_size;
    *error = xsk_queue_prepare(queue);
    if (*error) {
        xsk_queue_close(queue);
        return NULL;
    }
    return queue;
}

/* Documentation/networking/napi.rst, "Busy polling": the driver's interrupts stay off while the worker asks. */
static int xsk_prefer_busy_poll(int fd)
{
    int prefer = 1;
    int microseconds = XSK_BUSY_POLL_US;
    int budget = SOURCE_BURST;

    if (setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefer, sizeof prefer) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &microseconds, sizeof microseconds) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof budget) < 0)
        return -errno;
    return 0;
}

int xsk_queue_bind(struct xsk_queue *queue, bool zero_copy)
{
    const struct xsk_settings *settings = queue->settings;
    const struct xsk_socket_config config = {
        .rx_size = settings->ring_size,
        .libbpf_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD, /* libxdp's name for it is in the same union */
        .bind_flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (zero_copy ? XDP_ZEROCOPY : XDP_COPY) |
                                 (settings->fragments ? XDP_USE_SG : 0)),
    };
    int error = 0;

    for (int attempt = 0; attempt < XSK_RETRIES; attempt++) {
        error = xsk_socket__create(&queue->socket, settings->interface, queue->base.number, queue->umem, &queue->rx,
                                   NULL, &config);
        if (error != -EBUSY)
            break;
        xsk_wait_retry();
    }
    if (error) {
        queue->socket = NULL;
        return error;
    }
    queue->bound = true;
    queue->base.fd = xsk_socket__fd(queue->socket);
    queue->zero_copy = xsk_queue_is_zero_copy(queue);
    return settings->busy_poll ? xsk_prefer_busy_poll(queue->base.fd) : 0;
}

bool xsk_queue_is_zero_copy(const struct xsk_queue *queue)
{
    struct xdp_options options = {0};
    socklen_t size = sizeof options;

    return getsockopt(queue->base.fd, SOL_XDP, XDP_OPTIONS, &options, &size) == 0 &&
           options.flags & XDP_OPTIONS_ZEROCOPY;
}

void xsk_queue_unbind(struct xsk_queue *queue)
{
    if (queue->socket)
        xsk_socket__delete(queue->socket);
    queue->socket = NULL;
    queue->base.fd = -1;
}

void xsk_queue_close(struct xsk_queue *queue)
{
    if (!queue)
        return;
    xsk_queue_unbind(queue);
    if (queue->umem)
        xsk_umem__delete(queue->umem);
    if (queue->area)
        munmap(queue->area, queue->area_size);
    free(queue->spare);
    free(queue);
}
