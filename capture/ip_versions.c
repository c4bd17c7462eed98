/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ip_versions.h"

#include <string.h>

#include "bpf/packet_headers.h"
#include "capture/parse_fast.h"

static bool is_ipv6(const struct frame *frame)
{
    uint16_t type;

    if (frame->captured < 18)
        return false;
    type = parse_fast_16(frame->data + 12);
    if (type == ETHERTYPE_VLAN)
        type = parse_fast_16(frame->data + 16);
    return type == ETHERTYPE_IPV6;
}

uint32_t ip_versions_partition(struct burst *burst, uint32_t count)
{
    struct frame six[SOURCE_BURST];
    uint32_t sixes = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct frame frame = burst->frame[i];
        bool is_six = is_ipv6(&frame);

        six[sixes] = frame; /* no branch: which it is is as good as random */
        burst->frame[i - sixes] = frame;
        sixes += is_six;
    }
    memcpy(&burst->frame[count - sixes], six, sixes * sizeof six[0]);
    return sixes;
}
