/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel says of a frame in a packet socket's ring and libpcap does not pass on: whether it left this host.
 *
 * The kernel puts a struct sockaddr_ll before each frame (TPACKET_V3 of packet(7)):
 *
 *   16-aligned            + 48                       + tp_mac
 *   ┌─────────────────────┬──────────────┬───────────┬─────────────────────┐
 *   │ struct tpacket3_hdr │ sockaddr_ll  │ (room)    │ the frame           │
 *   └─────────────────────┴──────────────┴───────────┴─────────────────────┘
 *
 * libpcap hands out where the frame begins, in the ring; 4 bytes before that where it has put a VLAN tag back. From there
 * the header is looked for and must fit in each field that is known, so that a libpcap which did otherwise would be seen.
 */
#ifndef XTOP_RING_FRAME_H
#define XTOP_RING_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the socket's ring is laid out as above. */
bool ring_is_known(int fd);

/* Whether the frame at `data`, which lies in such a ring of interface `ifindex`, left this host. False: or it cannot be told. */
bool ring_frame_egress(const uint8_t *data, uint32_t ifindex);

#endif
