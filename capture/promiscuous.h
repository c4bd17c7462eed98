/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a NIC for frames to any address, as packet(7) does it for tcpdump. A mirror port's frames are addressed to
 * strangers, and a NIC that filters by address would show none of them. The kernel counts who asks: a membership goes
 * with its socket, of kill -9 too, and another program's stays.
 */
#ifndef XTOP_PROMISCUOUS_H
#define XTOP_PROMISCUOUS_H

#include <stdint.h>

/* Returns a socket, to be closed when strangers' frames are no longer wanted, or -errno. Needs CAP_NET_RAW. */
int promiscuous_open(uint32_t ifindex);

#endif
