/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a sum of packets, counted elsewhere, does to its flow's record: flow_record.h's record_update for many packets
 * at once.
 *
 * A sum knows which flags its packets had and not in which order, nor their sequence numbers. So the TCP state follows
 * from the flags in the order in which a connection has them, the round-trip time from the times that the kernel kept,
 * and retransmissions are counted of SYNs alone, segments out of order not at all.
 */
#ifndef XTOP_FLOW_MERGE_H
#define XTOP_FLOW_MERGE_H

#include <stdint.h>

#include "bpf/flow_sum.h"
#include "capture/flow_abi.h"

/* Adds what end `from` of the record's key sent. `clock_base`: ns to add to the sum's times for the epoch's. */
void record_merge(struct xtop_record *record, uint32_t from, const struct flow_sum *sum, uint64_t clock_base);

#endif
