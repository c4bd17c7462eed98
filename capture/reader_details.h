/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What groups show besides packets, bytes, rates and flows: payload, retransmissions, times, RTT. Sums that stand from look to
 * look (reader_sums.h) do not have them, for each flow would have to keep what it brought, 24 bytes. But what a flow is to its
 * groups tells which flows the few groups that are shown have, and these are read: of a million groups few, of few groups most.
 */
#ifndef XTOP_READER_DETAILS_H
#define XTOP_READER_DETAILS_H

#include <stdint.h>

#include "capture/flow_abi.h"

struct look;

/* Of more groups than so many everything is added up anew (reader_group.h). */
#define DETAILS_MOST 4096u

/* Of a flow by end, of a group by direction. */
struct detail {
    uint64_t payload_bytes[2];
    uint64_t first_seen[2]; /* ns; 0 = never */
    uint64_t last_seen[2];
    uint32_t retransmissions[2];
    uint32_t rtt_us; /* the least, 0 = not known */
};

static inline struct detail detail_of(const struct xtop_record *flow)
{
    return (struct detail){{flow->direction[0].payload_bytes, flow->direction[1].payload_bytes},
                           {flow->first_seen[0], flow->first_seen[1]},
                           {flow->last_seen[0], flow->last_seen[1]},
                           {flow->retransmissions[0], flow->retransmissions[1]},
                           flow->rtt_us};
}

/* Fills the details of the look's groups in, which are ranked, DETAILS_MOST of them at most, and all of sums that stand. */
void details_tell(struct look *look);

#endif
