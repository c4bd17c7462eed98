/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture/flow_abi.h"

#define LISTEN_BACKLOG 16

/* Sends `text`, with `fd` when it is not -1. A peer that does not read is not waited for. */
static bool message_send(int socket, const char *text, int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } attached = {0};
    struct iovec data = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *header;

        message.msg_control = attached.room;
        message.msg_controllen = sizeof attached.room;
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static int listen_open(const char *name, struct failure *failure)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t room = sizeof address.sun_path - 1; /* the first byte, 0, makes it abstract */
    int length = snprintf(address.sun_path + 1, room, "xtop-capture/%s/%d", name, (int)getpid());
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    int fd;

    if ((size_t)length >= room)
        return failure_set(failure, EXIT_USAGE, "the name %.40s... is too long for a socket", name);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return failure_set(failure, EXIT_FAILED, "cannot make a socket (%s)", strerror(errno));
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
        failure_set(failure, EXIT_FAILED, "cannot listen for viewers as %.60s (%s)", name, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int control_open(struct control *control, int owner, const char *name, struct failure *failure)
{
    *control = (struct control){.owner = owner, .listen = -1, .memfd = -1, .uid = getuid()};
    if (!name)
        return 0;
    control->listen = listen_open(name, failure);
    return control->listen < 0 ? -1 : 0;
}

void control_ready(struct control *control, int memfd)
{
    control->memfd = memfd;
    if (control->owner >= 0)
        message_send(control->owner, "ready", memfd);
}

bool control_failed(struct control *control, const struct failure *failure)
{
    char text[sizeof failure->text + 32];

    if (control->owner < 0)
        return false;
    snprintf(text, sizeof text, "failed %d %u %s", (int)failure->exit_code, failure->link, failure->text);
    return message_send(control->owner, text, -1);
}

void control_ended(struct control *control)
{
    control->ended = true;
    if (control->owner >= 0)
        message_send(control->owner, "ended", -1);
    for (uint32_t i = 0; i < control->viewer_count; i++)
        message_send(control->viewer[i], "ended", -1);
}

/* Reads a message and the descriptor that comes with it (-1 = none), without waiting. */
static ssize_t message_read(int socket, char *text, size_t room, int *fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } attached;
    struct iovec data = {.iov_base = text, .iov_len = room};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = attached.room, .msg_controllen = sizeof attached.room};
    ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;

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

static bool tap_read(struct control_request *request, const char *text)
{
    struct tap_bounds *bounds = &request->bounds;
    char hex[2 * sizeof(struct xtop_key) + 1];

    return request->fd >= 0 &&
           sscanf(text, "tap %" SCNu64 " %" SCNu64 " %" SCNu64 " %80[0-9a-f]", &bounds->packets, &bounds->nanoseconds,
                  &bounds->bytes, hex) == 4 &&
           strlen(hex) == sizeof hex - 1 && key_read(&request->key, hex) && bounds->packets && bounds->bytes;
}

struct control_request control_read(struct control *control)
{
    struct control_request request = {.kind = CONTROL_NONE};
    char text[256];
    ssize_t size = message_read(control->owner, text, sizeof text - 1, &request.fd);

    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        request.kind = CONTROL_CLOSED;
        return request;
    }
    if (size < 0)
        return request;
    text[size] = '\0';
    if (strcmp(text, "stop") == 0)
        request.kind = CONTROL_STOP;
    else if (strcmp(text, "untap") == 0)
        request.kind = CONTROL_UNTAP;
    else if (tap_read(&request, text))
        request.kind = CONTROL_TAP;
    else if (sscanf(text, "cursor %" SCNu32 " %" SCNu64, &request.queue, &request.cursor) == 2 &&
             request.queue < XTOP_MAX_QUEUES)
        request.kind = CONTROL_CURSOR;
    if (request.fd >= 0 && request.kind != CONTROL_TAP)
        close(request.fd);
    return request;
}

/* Forgets viewers that have gone: a gone one cannot be sent to. */
static void viewers_compact(struct control *control)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < control->viewer_count; i++) {
        char probe;
        ssize_t size = recv(control->viewer[i], &probe, 1, MSG_DONTWAIT | MSG_PEEK);

        if (size > 0 || (size < 0 && errno == EAGAIN))
            control->viewer[kept++] = control->viewer[i];
        else
            close(control->viewer[i]);
    }
    control->viewer_count = kept;
}

/* True when the peer may see the capture. */
static bool viewer_is_known(const struct control *control, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == control->uid);
}

bool control_accept(struct control *control)
{
    int fd = accept4(control->listen, NULL, NULL, SOCK_CLOEXEC);
    const char *refusal = NULL;

    if (fd < 0)
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    viewers_compact(control);
    if (!viewer_is_known(control, fd))
        refusal = "failed 3 0 this capture belongs to another user (run as that user, or as root)";
    else if (control->viewer_count == CONTROL_MAX_VIEWERS)
        refusal = "failed 1 0 too many viewers on this capture (close one)";
    if (refusal) {
        message_send(fd, refusal, -1);
        close(fd);
        return true;
    }
    control->viewer[control->viewer_count++] = fd;
    message_send(fd, "ready", control->memfd);
    if (control->ended)
        message_send(fd, "ended", -1);
    return true;
}

void control_close(struct control *control)
{
    for (uint32_t i = 0; i < control->viewer_count; i++)
        close(control->viewer[i]);
    if (control->listen >= 0)
        close(control->listen);
    if (control->owner >= 0)
        close(control->owner);
    *control = (struct control){.owner = -1, .listen = -1, .memfd = -1};
}
