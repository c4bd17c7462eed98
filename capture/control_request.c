/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/control_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads a message and the descriptor that comes with it (-1 = none), without waiting. */
static ssize_t message_read(int socket, char *text, size_t room, int *fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } attached;
    struct iovec data = {.iov_base = text, .iov_len = room};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = attached.room,
        .msg_controllen = CMSG_LEN(sizeof(int)), /* not CMSG_SPACE: its padding would hold a second descriptor */
    };
    ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = size >= 0 ? CMSG_FIRSTHDR(&message) : NULL; /* what is empty may bring one, too */

    *fd = -1;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return size;
}

static bool key_read(struct xtop_key *key, const char *hex)
{
    uint8_t *byte = (uint8_t *)key;

    for (size_t i = 0; i < sizeof *key; i++)
        if (sscanf(hex + 2 * i, "%2hhx", &byte[i]) != 1)
            return false;
    return true;
}

static bool socket_is(int fd, int option, int wanted)
{
    int value;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

/* Frames are written into nothing but what can be read by who holds its other end. */
static bool takes_frames(int fd)
{
    return fd >= 0 && socket_is(fd, SO_DOMAIN, AF_UNIX) && socket_is(fd, SO_TYPE, SOCK_SEQPACKET);
}

static bool tap_read(struct control_request *request, const char *text)
{
    struct tap_bounds *bounds = &request->bounds;
    char hex[2 * sizeof(struct xtop_key) + 1];

    return takes_frames(request->fd) &&
           sscanf(text, "tap %" SCNu64 " %" SCNu64 " %" SCNu64 " %80[0-9a-f]", &bounds->packets, &bounds->nanoseconds,
                  &bounds->bytes, hex) == 4 &&
           strlen(hex) == sizeof hex - 1 && key_read(&request->key, hex) && bounds->packets && bounds->bytes;
}

struct control_request control_request_read(int socket)
{
    struct control_request request = {.kind = CONTROL_NONE};
    char text[256];
    ssize_t size = message_read(socket, text, sizeof text - 1, &request.fd);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return request;
    text[size > 0 ? size : 0] = '\0';
    if (size <= 0)
        request.kind = CONTROL_CLOSED;
    else if (strcmp(text, "stop") == 0)
        request.kind = CONTROL_STOP;
    else if (strcmp(text, "untap") == 0)
        request.kind = CONTROL_UNTAP;
    else if (tap_read(&request, text))
        request.kind = CONTROL_TAP;
    else if (sscanf(text, "cursor %" SCNu32 " %" SCNu64, &request.queue, &request.cursor) == 2 &&
             request.queue < XTOP_MAX_QUEUES)
        request.kind = CONTROL_CURSOR;
    else
        request.kind = CONTROL_STRANGE;
    if (request.fd >= 0 && request.kind != CONTROL_TAP)
        close(request.fd);
    return request;
}
