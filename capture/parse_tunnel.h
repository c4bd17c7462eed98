/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers of tunnels: what lies between a network header and the one that it carries. Pure, like parse.h.
 */
#ifndef XTOP_PARSE_TUNNEL_H
#define XTOP_PARSE_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/packet_headers.h"
#include "capture/flow_abi.h"
#include "capture/parse_cursor.h"

/* What an IP packet may carry, by its protocol number or its UDP port. */
enum carrier {
    CARRIES_NOTHING,
    CARRIES_IPV4,
    CARRIES_IPV6,
    CARRIES_GRE,
    CARRIES_MPLS,
    CARRIES_GTPU,
    CARRIES_TEREDO,
    CARRIES_VXLAN,
    CARRIES_VXLAN_LINUX,
    CARRIES_VXLAN_GPE,
    CARRIES_GENEVE,
    CARRIES_MPLS_IN_UDP,
};

struct tunnel {
    uint8_t kind; /* XTOP_TUNNEL_ */
    uint32_t id;
};

/* What UDP between these ports carries: by its destination; Teredo's servers send from their port, too. */
enum carrier tunnel_of_ports(uint16_t source, uint16_t destination);

/* Whether `type` is the EtherType of an encapsulation below IP. */
static inline bool tunnel_is_link(uint16_t type)
{
    return type == ETHERTYPE_MPLS || type == ETHERTYPE_MPLS_UPSTREAM || type == ETHERTYPE_PPPOE ||
           type == ETHERTYPE_NSH;
}

/*
 * Opens one encapsulation below IP, MPLS, PPPoE or NSH: `type` is its EtherType. Returns the EtherType of what it carries
 * with the cursor behind it, or 0 when that cannot be told.
 */
uint16_t tunnel_open_link(struct cursor *cursor, uint16_t type, struct tunnel *tunnel);

/*
 * Opens one encapsulation in IP of `outer_version`; the cursor is at what follows the IP header. Returns the EtherType
 * of what it carries with the cursor behind it, or 0 when that is not for us: a control message, or no tunnel at all.
 */
uint16_t tunnel_open(struct cursor *cursor, enum carrier carrier, uint8_t outer_version, struct tunnel *tunnel);

#endif
