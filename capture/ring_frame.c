/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ring_frame.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#define VLAN_TAG 4
#define ADDRESS_AT TPACKET_ALIGN(sizeof(struct tpacket3_hdr))
#define FRAME_LEAST (ADDRESS_AT + sizeof(struct sockaddr_ll)) /* tp_mac is more */
#define FRAME_MOST (FRAME_LEAST + 64) /* and not more: room for a link's header and what libpcap asks for besides */

bool ring_is_known(int fd)
{
    int version = -1;
    socklen_t size = sizeof version;

    return getsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, &size) == 0 && version == TPACKET_V3;
}

/*
 * A header that fits is the first one of those that are aligned. Looking for one does not leave the ring: a block begins with
 * a descriptor that is longer than the way from one aligned place to the next.
 */
bool ring_frame_egress(const uint8_t *data, uint32_t ifindex)
{
    const uint8_t *at = data - FRAME_LEAST;

    at -= (uintptr_t)at % TPACKET_ALIGNMENT;
    for (; data - at <= (int64_t)FRAME_MOST; at -= TPACKET_ALIGNMENT) {
        const struct tpacket3_hdr *header = (const struct tpacket3_hdr *)(const void *)at;
        const struct sockaddr_ll *address = (const struct sockaddr_ll *)(const void *)(at + ADDRESS_AT);

        if ((header->tp_mac == data - at || header->tp_mac == data - at + VLAN_TAG) &&
            address->sll_family == AF_PACKET && (uint32_t)address->sll_ifindex == ifindex)
            return address->sll_pkttype == PACKET_OUTGOING;
    }
    return false;
}
