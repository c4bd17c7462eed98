/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flow filter is once it is compiled: a flat array of instructions of one size, each a test with two places to go
 * on at.
 *
 *   0  PROTOCOL 6..6          true → 1   false → 3         proto tcp and port 443
 *   1  PORT source 443..443   true → 4   false → 2
 *   2  PORT dest.  443..443   true → 4   false → 3
 *   3  REJECT
 *   4  ACCEPT
 *
 * A test goes forward only, so a program ends after as many steps as it has instructions at most; there is no stack, no
 * memory and no arithmetic in it. Who compiles one is xtop/filter_language/, who runs it the reader, which looks through
 * a program before its first step and refuses one that could leave its array. "source" is the flow's initiator.
 *
 * A test is false where the flow has no such value (the port of a protocol without ports, the TTL of a direction that
 * sent nothing), and so is its opposite, unless the program swaps the two places: `not` does, `!=` does not.
 */
#ifndef XTOP_FILTER_PROGRAM_H
#define XTOP_FILTER_PROGRAM_H

#include <stdint.h>

/* cdef begin */
#define FILTER_MOST_INSTRUCTIONS 1024

/* filter_instruction.field: the two ends of a program, */
#define FILTER_REJECT 0
#define FILTER_ACCEPT 1
/* fields of which filter_range.address is asked: (address & mask) == value; of one IP version, */
#define FILTER_ADDRESS_V4 2
#define FILTER_ADDRESS_V6 3
/* fields of which filter_range.number is asked: least <= value <= greatest, */
#define FILTER_IP_VERSION 4
#define FILTER_PROTOCOL 5
#define FILTER_PORT 6      /* TCP, UDP, UDP-Lite and SCTP have ports */
#define FILTER_ICMP_TYPE 7 /* ICMP and ICMPv6 */
#define FILTER_ICMP_CODE 8
#define FILTER_VLAN 9 /* outermost id; 0 = none */
#define FILTER_PACKETS 10
#define FILTER_BYTES 11 /* IP bytes */
#define FILTER_PAYLOAD_BYTES 12
#define FILTER_RETRANSMISSIONS 13 /* TCP */
#define FILTER_OUT_OF_ORDER 14    /* TCP */
#define FILTER_TTL 15             /* true when a TTL from ttl_min to ttl_max is in the range */
#define FILTER_DSCP 16
#define FILTER_DURATION 17   /* ns, first packet to last */
#define FILTER_AGE 18        /* ns, first packet to the look */
#define FILTER_IDLE 19       /* ns, last packet to the look */
#define FILTER_RTT 20        /* us; unknown where no handshake was seen */
#define FILTER_TCP_STATE 21  /* XTOP_TCP_; unknown where the flow is not TCP */
#define FILTER_END_REASON 22 /* XTOP_END_; 0 = live */
#define FILTER_TUNNEL 23     /* XTOP_TUNNEL_; 0 = none */
#define FILTER_TUNNEL_ID 24  /* unknown where the tunnel has none */
/* fields of which filter_range.bits is asked: (value & mask) == wanted, */
#define FILTER_TCP_FLAGS 25 /* OR of those seen; TCP */
/* and fields of which filter_range.real is asked: least <= value <= greatest. */
#define FILTER_BITS_PER_SECOND 26
#define FILTER_PACKETS_PER_SECOND 27
#define FILTER_BYTES_PER_PACKET 28
#define FILTER_ENTROPY 29 /* bits per payload byte; unknown where the bytes are not counted */
#define FILTER_FIELD_COUNT 30

/* filter_instruction.end: whose address, port, packets ... */
#define FILTER_END_BOTH 0 /* sums, flags seen by either; the only one for what a flow has once */
#define FILTER_END_SOURCE 1
#define FILTER_END_DESTINATION 2

union filter_range {
    uint64_t number[2];     /* least, greatest */
    double real[2];         /* least, greatest; no NaN */
    uint64_t bits[2];       /* mask, wanted */
    uint8_t address[2][16]; /* value, mask; network order; IPv4 in the first 4 bytes, the rest zero */
};

struct filter_instruction {
    uint8_t field;    /* FILTER_ */
    uint8_t end;      /* FILTER_END_ */
    uint16_t if_true; /* the index to go on at: greater than this instruction's own. ACCEPT, REJECT: 0 */
    uint16_t if_false;
    uint16_t padding; /* 0 */
    union filter_range range;
};

/* Returns NULL when the `count` instructions at `program` may be run, or one sentence that says why not. */
const char *filter_refusal(const struct filter_instruction *program, uint64_t count);
/* cdef end */

_Static_assert(sizeof(struct filter_instruction) == 40, "an instruction must be 40 bytes");

#endif
