/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/parse_fragment.h"

void parse_note_fragment(const uint8_t *frame, const uint8_t *ip, const uint8_t *header, struct packet *packet)
{
    if (packet->fragment_count == PACKET_FRAGMENTS_MAX || header - frame > UINT16_MAX)
        return;
    packet->unusual |= PACKET_FRAGMENT;
    packet->fragment[packet->fragment_count++] =
        (struct fragment_place){(uint16_t)(ip - frame), (uint16_t)(header - frame)};
}

void parse_note_ipv4_fragment(const uint8_t *frame, const uint8_t *ip, uint16_t fragment, struct packet *packet)
{
    packet->ip_flags |=
        (uint8_t)((fragment & 0x2000 ? XTOP_IP_MORE_FRAGMENTS : 0) | (fragment & 0x8000 ? XTOP_IP_RESERVED : 0) |
                  (fragment & 0x3fff ? XTOP_IP_FRAGMENT : 0));
    if (fragment & 0x3fff)
        parse_note_fragment(frame, ip, ip, packet);
}
