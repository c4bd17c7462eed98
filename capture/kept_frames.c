/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/kept_frames.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept_frames {
    struct ring_buffer *ring;
    int map_fd;
    struct burst *burst; /* being filled */
    struct kept_frame room[SOURCE_BURST];
};

/* libbpf's callback, once a record. The ring gets the record back when it returns, so it is copied. */
static int record_take(void *user, void *data, size_t size)
{
    struct kept_frames *kept = user;
    struct burst *burst = kept->burst;
    struct kept_frame *room = &kept->room[burst->count];
    struct frame *frame = &burst->frame[burst->count++];

    memcpy(room, data, size < sizeof *room ? size : sizeof *room);
    *frame = (struct frame){.data = room->data, .captured = room->captured, .length = room->length};
    return burst->count == SOURCE_BURST ? -ENOSPC : 0; /* anything below 0 ends the round; this record is consumed */
}

struct kept_frames *kept_frames_open(int map_fd, int *error)
{
    struct kept_frames *kept = calloc(1, sizeof *kept);

    errno = 0;
    *error = -ENOMEM;
    if (!kept)
        return NULL;
    kept->map_fd = map_fd;
    kept->ring = ring_buffer__new(map_fd, record_take, kept, NULL);
    if (kept->ring)
        return kept;
    *error = errno ? -errno : -ENOMEM;
    free(kept);
    return NULL;
}

int kept_frames_fd(const struct kept_frames *kept)
{
    return kept->map_fd;
}

void kept_frames_take(struct kept_frames *kept, struct burst *burst)
{
    burst->count = 0;
    burst->timed = false;
    kept->burst = burst;
    (void)ring_buffer__consume(kept->ring);
}

void kept_frames_close(struct kept_frames *kept)
{
    if (!kept)
        return;
    ring_buffer__free(kept->ring);
    free(kept);
}
