/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/control.h"

#include <errno.h>
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

void control_dismiss(struct control *control, uint32_t number)
{
    close(control->viewer[number]);
    control->viewer[number] = control->viewer[--control->viewer_count];
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
