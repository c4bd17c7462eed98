/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/promiscuous.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

int promiscuous_open(uint32_t ifindex)
{
    struct packet_mreq membership = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: it receives nothing itself */
    int error;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}
