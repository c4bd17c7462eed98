/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/parse_tunnel.h"

#include "capture/parse_link.h"

enum { UDP_HEADER = 8, ETHERNET_HEADER = 14 };

/* GRE's first 16 bits (RFC 2784, 2890; ROUTING is RFC 1701's and gone). */
enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_VERSION = 0x0007,
};

/* RFC 7637 section 3.2: lower virtual subnet ids are reserved, so a smaller number is the key of plain GRE. */
#define NVGRE_LEAST 0x1000

enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, PPP_MPLS = 0x0281, PPP_MPLS_UPSTREAM = 0x0283 };
enum { MPLS_EXPLICIT_NULL_4 = 0, MPLS_EXPLICIT_NULL_6 = 2 };
enum { GTPU_DATA = 255, GTPU_HAS_EXTENSION = 4, GTPU_HAS_ANY = 7 };

/* Teredo, RFC 4380 section 5.1.1: what may stand before the IPv6 header. */
enum { TEREDO_AUTHENTICATION = 1, TEREDO_ORIGIN = 0 };

enum carrier tunnel_of_ports(uint16_t source, uint16_t destination)
{
    switch (destination) {
    case PORT_GTPU:
        return CARRIES_GTPU;
    case PORT_VXLAN:
        return CARRIES_VXLAN;
    case PORT_VXLAN_LINUX:
        return CARRIES_VXLAN_LINUX;
    case PORT_VXLAN_GPE:
        return CARRIES_VXLAN_GPE;
    case PORT_GENEVE:
        return CARRIES_GENEVE;
    case PORT_MPLS:
        return CARRIES_MPLS_IN_UDP;
    default:
        return source == PORT_TEREDO || destination == PORT_TEREDO ? CARRIES_TEREDO : CARRIES_NOTHING;
    }
}

/* ---- What a header carries ----------------------------------------------------------------------------------- */

/* An Ethernet frame: passes its header. */
static uint16_t open_ethernet(struct cursor *cursor)
{
    const uint8_t *at = cursor->at;

    return cursor_pass(cursor, ETHERNET_HEADER) ? read16(at + 12) : 0;
}

/* By the numbers that NSH (RFC 8300 section 2.2) and VXLAN-GPE share: passes an Ethernet header, where that is what comes. */
static uint16_t open_next_protocol(struct cursor *cursor, uint8_t next)
{
    switch (next) {
    case 1:
        return ETHERTYPE_IPV4;
    case 2:
        return ETHERTYPE_IPV6;
    case 3:
        return open_ethernet(cursor);
    case 4:
        return ETHERTYPE_NSH;
    case 5:
        return ETHERTYPE_MPLS;
    default:
        return 0;
    }
}

/* Whether an IP header begins here whose length fits into what is left: for where no field says that it does. */
static bool looks_like_ip(const struct cursor *cursor)
{
    const uint8_t *at = cursor->at;

    switch (parse_raw_type(cursor)) {
    case ETHERTYPE_IPV4:
        return cursor_left(cursor) >= 20 && (at[0] & 15) >= 5 && read16(at + 2) >= (at[0] & 15) * 4 &&
               read16(at + 2) <= cursor->wire;
    case ETHERTYPE_IPV6:
        return cursor_left(cursor) >= 40 && read16(at + 4) + UINT32_C(40) <= cursor->wire;
    default:
        return false;
    }
}

/* Whether an Ethernet frame begins `skip` bytes on that carries what we open. */
static bool looks_like_ethernet(const struct cursor *cursor, uint32_t skip)
{
    struct cursor inner = *cursor;

    if (!cursor_pass(&inner, skip))
        return false;
    switch (open_ethernet(&inner)) {
    case ETHERTYPE_IPV4:
    case ETHERTYPE_IPV6:
        return looks_like_ip(&inner);
    case ETHERTYPE_VLAN:
    case ETHERTYPE_QINQ:
    case ETHERTYPE_QINQ_OLD:
    case ETHERTYPE_MPLS:
    case ETHERTYPE_PPPOE:
        return true;
    default:
        return false;
    }
}

/* ---- Below IP ------------------------------------------------------------------------------------------------ */

/*
 * No field of MPLS says what it carries: two labels do, otherwise the first four bits (RFC 4928): 4 and 6 are IP, 0 is
 * the control word of a pseudowire (RFC 4385). A pseudowire without one begins with any MAC address.
 */
static uint16_t open_mpls_payload(struct cursor *cursor, uint32_t label)
{
    if (label == MPLS_EXPLICIT_NULL_4)
        return ETHERTYPE_IPV4;
    if (label == MPLS_EXPLICIT_NULL_6)
        return ETHERTYPE_IPV6;
    if (looks_like_ip(cursor))
        return parse_raw_type(cursor);
    if (cursor_left(cursor) >= 4 && cursor->at[0] >> 4 == 0 && looks_like_ethernet(cursor, 4))
        cursor_pass(cursor, 4);
    else if (!looks_like_ethernet(cursor, 0))
        return parse_raw_type(cursor);
    return open_ethernet(cursor);
}

/* RFC 3032 section 2.1: label 20 bits, class 3, bottom of stack 1, TTL 8. */
static uint16_t open_mpls(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at;

    do {
        at = cursor->at;
        if (!cursor_pass(cursor, 4))
            return 0;
    } while (!(at[2] & 1));
    *tunnel = (struct tunnel){XTOP_TUNNEL_MPLS, read24(at) >> 4};
    return open_mpls_payload(cursor, tunnel->id);
}

/* RFC 2516: version, type, code, session, length; then PPP's protocol, whose first byte may be left out (RFC 1661). */
static uint16_t open_pppoe(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;
    uint16_t protocol;

    if (!cursor_pass(cursor, 7) || at[0] != 0x11 || at[1] != 0)
        return 0;
    protocol = at[6];
    if (!(protocol & 1)) {
        if (!cursor_pass(cursor, 1))
            return 0;
        protocol = read16(at + 6);
    }
    *tunnel = (struct tunnel){XTOP_TUNNEL_PPPOE, read16(at + 2)};
    switch (protocol) {
    case PPP_IPV4:
        return ETHERTYPE_IPV4;
    case PPP_IPV6:
        return ETHERTYPE_IPV6;
    case PPP_MPLS:
        return ETHERTYPE_MPLS;
    case PPP_MPLS_UPSTREAM:
        return ETHERTYPE_MPLS_UPSTREAM;
    default:
        return 0;
    }
}

/*
 * RFC 8300 section 2.2: version 2 bits, length in words in the low 6 bits of the word, kind of metadata, what comes behind
 * it; then the service path, 24 bits.
 */
static uint16_t open_nsh(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;
    uint32_t size;

    if (cursor_left(cursor) < 8 || at[0] >> 6 != 0)
        return 0;
    size = (at[1] & 63u) * 4;
    if (size < 8 || !cursor_pass(cursor, size))
        return 0;
    *tunnel = (struct tunnel){XTOP_TUNNEL_NSH, read24(at + 4)};
    return open_next_protocol(cursor, at[3]);
}

uint16_t tunnel_open_link(struct cursor *cursor, uint16_t type, struct tunnel *tunnel)
{
    switch (type) {
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_UPSTREAM:
        return open_mpls(cursor, tunnel);
    case ETHERTYPE_PPPOE:
        return open_pppoe(cursor, tunnel);
    case ETHERTYPE_NSH:
        return open_nsh(cursor, tunnel);
    default:
        return 0;
    }
}

/* ---- GRE ----------------------------------------------------------------------------------------------------- */

/*
 * draft-foschiano-erspan: type II has 8 bytes, type III 12 and 8 more when its last bit says so; both bring the session
 * in the low 10 bits of their first word. Type I, told by GRE's lack of a sequence number, is the frame alone.
 */
static uint16_t open_erspan(struct cursor *cursor, uint16_t type, bool sequenced, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;

    *tunnel = (struct tunnel){.kind = XTOP_TUNNEL_ERSPAN};
    if (type == ETHERTYPE_ERSPAN && !sequenced)
        return open_ethernet(cursor);
    if (!cursor_pass(cursor, type == ETHERTYPE_ERSPAN ? 8 : 12))
        return 0;
    tunnel->id = read16(at + 2) & 0x3ff;
    if (type == ETHERTYPE_ERSPAN)
        return at[0] >> 4 == 1 ? open_ethernet(cursor) : 0;
    if (at[0] >> 4 != 2 || (at[11] & 1 && !cursor_pass(cursor, 8)))
        return 0;
    switch (at[10] >> 2 & 31) {
    case 0:
        return open_ethernet(cursor);
    case 2:
        return parse_raw_type(cursor);
    default:
        return 0;
    }
}

static struct tunnel gre_tunnel(uint16_t flags, uint16_t type, uint32_t key)
{
    if (!(flags & GRE_KEY))
        return (struct tunnel){.kind = XTOP_TUNNEL_GRE};
    if (type == ETHERTYPE_TRANSPARENT && !(flags & (GRE_CHECKSUM | GRE_SEQUENCE)) && key >> 8 >= NVGRE_LEAST)
        return (struct tunnel){XTOP_TUNNEL_NVGRE, key >> 8};
    return (struct tunnel){XTOP_TUNNEL_GRE_KEYED, key};
}

/* Version 0 only: version 1 is PPTP's, a stream of PPP that may be compressed and encrypted. */
static uint16_t open_gre(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;
    uint32_t key_at, size;
    uint16_t flags, type;

    if (cursor_left(cursor) < 4)
        return 0;
    flags = read16(at);
    type = read16(at + 2);
    if (flags & (GRE_VERSION | GRE_ROUTING))
        return 0;
    key_at = flags & GRE_CHECKSUM ? 8 : 4;
    size = key_at + (flags & GRE_KEY ? 4 : 0) + (flags & GRE_SEQUENCE ? 4 : 0);
    if (!cursor_pass(cursor, size))
        return 0;
    if (type == ETHERTYPE_ERSPAN || type == ETHERTYPE_ERSPAN_3)
        return open_erspan(cursor, type, flags & GRE_SEQUENCE, tunnel);
    *tunnel = gre_tunnel(flags, type, flags & GRE_KEY ? read32(at + key_at) : 0);
    return type == ETHERTYPE_TRANSPARENT ? open_ethernet(cursor) : type;
}

/* ---- In UDP -------------------------------------------------------------------------------------------------- */

/*
 * RFC 7348: a flag says that the VNI is valid; the other bits are for whoever comes later. On Linux' old port, which
 * others use, too, the header must be all that the kernel of that time sent.
 */
static uint16_t open_vxlan(struct cursor *cursor, bool sure, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;

    if (!cursor_pass(cursor, 8) || !(at[0] & 0x08))
        return 0;
    if (!sure && (read32(at) != UINT32_C(0x08000000) || at[7] != 0 || !looks_like_ethernet(cursor, 0)))
        return 0;
    *tunnel = (struct tunnel){XTOP_TUNNEL_VXLAN, read24(at + 4)};
    return open_ethernet(cursor);
}

/* draft-ietf-nvo3-vxlan-gpe: bits 2 and 3 are the version, 4 says that the VNI is valid, 5 that the last byte of the
 * word names the payload, 7 that it is a message of the tunnel's own. */
static uint16_t open_vxlan_gpe(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;

    if (!cursor_pass(cursor, 8) || (at[0] & 0x39) != 0x08)
        return 0;
    *tunnel = (struct tunnel){XTOP_TUNNEL_VXLAN_GPE, read24(at + 4)};
    if (!(at[0] & 0x04))
        return open_ethernet(cursor);
    return open_next_protocol(cursor, at[3]);
}

/* RFC 8926: version 2 bits, length of the options in words 6, then a bit for control messages. */
static uint16_t open_geneve(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;
    uint16_t type;

    if (!cursor_pass(cursor, 8) || at[0] >> 6 != 0 || at[1] & 0x80 || !cursor_pass(cursor, (at[0] & 63u) * 4))
        return 0;
    *tunnel = (struct tunnel){XTOP_TUNNEL_GENEVE, read24(at + 4)};
    type = read16(at + 2);
    return type == ETHERTYPE_TRANSPARENT ? open_ethernet(cursor) : type;
}

/* 3GPP TS 29.281 section 5.2: each extension brings its length in words and, in its last byte, the next one's type. */
static bool pass_gtpu_extensions(struct cursor *cursor, uint8_t next)
{
    while (next) {
        const uint8_t *at = cursor->at;
        uint32_t size;

        if (cursor_left(cursor) < 1)
            return false;
        size = at[0] * 4u;
        if (size == 0 || !cursor_pass(cursor, size))
            return false;
        next = at[size - 1];
    }
    return true;
}

/* 3GPP TS 29.281 section 5.1: version 1, protocol type GTP, and a message that carries a user's packet. */
static uint16_t open_gtpu(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;

    if (!cursor_pass(cursor, 8) || at[0] >> 4 != 3 || at[1] != GTPU_DATA)
        return 0;
    *tunnel = (struct tunnel){XTOP_TUNNEL_GTPU, read32(at + 4)};
    if (at[0] & GTPU_HAS_ANY) {
        if (!cursor_pass(cursor, 4))
            return 0;
        if (at[0] & GTPU_HAS_EXTENSION && !pass_gtpu_extensions(cursor, at[11]))
            return 0;
    }
    return parse_raw_type(cursor);
}

static bool teredo_address(const uint8_t *address)
{
    return read32(address) == UINT32_C(0x20010000) || (read16(address) & 0xffc0) == 0xfe80;
}

/* Anything may come over that port: an IPv6 packet counts when it fits, and one end is Teredo's or link-local. */
static uint16_t open_teredo(struct cursor *cursor, struct tunnel *tunnel)
{
    const uint8_t *at = cursor->at;

    if (cursor_left(cursor) >= 4 && at[0] == 0 && at[1] == TEREDO_AUTHENTICATION &&
        !cursor_pass(cursor, 13u + at[2] + at[3]))
        return 0;
    at = cursor->at;
    if (cursor_left(cursor) >= 2 && at[0] == 0 && at[1] == TEREDO_ORIGIN && !cursor_pass(cursor, 8))
        return 0;
    at = cursor->at;
    if (parse_raw_type(cursor) != ETHERTYPE_IPV6 || !looks_like_ip(cursor) ||
        !(teredo_address(at + 8) || teredo_address(at + 24)))
        return 0;
    *tunnel = (struct tunnel){.kind = XTOP_TUNNEL_TEREDO};
    return ETHERTYPE_IPV6;
}

static uint16_t open_udp(struct cursor *cursor, enum carrier carrier, struct tunnel *tunnel)
{
    if (!cursor_pass(cursor, UDP_HEADER))
        return 0;
    switch (carrier) {
    case CARRIES_GTPU:
        return open_gtpu(cursor, tunnel);
    case CARRIES_TEREDO:
        return open_teredo(cursor, tunnel);
    case CARRIES_VXLAN:
        return open_vxlan(cursor, true, tunnel);
    case CARRIES_VXLAN_LINUX:
        return open_vxlan(cursor, false, tunnel);
    case CARRIES_VXLAN_GPE:
        return open_vxlan_gpe(cursor, tunnel);
    case CARRIES_GENEVE:
        return open_geneve(cursor, tunnel);
    case CARRIES_MPLS_IN_UDP:
        return open_mpls(cursor, tunnel);
    default:
        return 0;
    }
}

uint16_t tunnel_open(struct cursor *cursor, enum carrier carrier, uint8_t outer_version, struct tunnel *tunnel)
{
    switch (carrier) {
    case CARRIES_IPV4:
        tunnel->kind = outer_version == 4 ? XTOP_TUNNEL_IPIP : XTOP_TUNNEL_4IN6;
        return ETHERTYPE_IPV4;
    case CARRIES_IPV6:
        tunnel->kind = outer_version == 4 ? XTOP_TUNNEL_6IN4 : XTOP_TUNNEL_6IN6;
        return ETHERTYPE_IPV6;
    case CARRIES_GRE:
        return open_gre(cursor, tunnel);
    case CARRIES_MPLS:
        return open_mpls(cursor, tunnel);
    default:
        return open_udp(cursor, carrier, tunnel);
    }
}
