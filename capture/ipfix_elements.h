/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The information elements of a flow, as rows: number in IANA's registry, octets, value. Templates and the code that writes
 * records are made of the same rows, so they cannot disagree. docs/ipfix.md says what each means.
 *
 * N(element, octets, number) is a number in network order, B(element, octets, pointer) bytes as they are. The values
 * see `flow` (struct ipfix_flow) and, in groups of a direction, `side` (struct flow_side).
 */
#ifndef XTOP_IPFIX_ELEMENTS_H
#define XTOP_IPFIX_ELEMENTS_H

#define IPFIX_FLOW_FIELDS(N, B)                         \
    N(148, 8, flow->id)          /* flowId */           \
    N(10, 4, flow->interface)    /* ingressInterface */ \
    N(58, 2, flow->key->vlan)    /* vlanId */           \
    N(61, 1, flow->egress)       /* flowDirection */    \
    N(136, 1, flow->reason)      /* flowEndReason */    \
    N(4, 1, flow->key->protocol) /* protocolIdentifier */

#define IPFIX_IPV4_FIELDS(N, B)                                       \
    B(8, 4, flow->key->address[flow->from])   /* sourceIPv4Address */ \
    B(12, 4, flow->key->address[!flow->from]) /* destinationIPv4Address */

#define IPFIX_IPV6_FIELDS(N, B)                                        \
    B(27, 16, flow->key->address[flow->from])  /* sourceIPv6Address */ \
    B(28, 16, flow->key->address[!flow->from]) /* destinationIPv6Address */

#define IPFIX_PORT_FIELDS(N, B)                                                      \
    N(7, 2, flow_source_port(flow->key, flow->from))       /* sourceTransportPort */ \
    N(11, 2, flow_destination_port(flow->key, flow->from)) /* destinationTransportPort */

#define IPFIX_ICMP_FIELDS(N, B) N(32, 2, flow_destination_port(flow->key, flow->from)) /* icmpTypeCodeIPv4 */

#define IPFIX_ICMPV6_FIELDS(N, B) N(139, 2, flow_destination_port(flow->key, flow->from)) /* icmpTypeCodeIPv6 */

/* A direction without packets has the flow's own times, so that nobody shows it in 1970. */
#define IPFIX_COUNT_FIELDS(N, B)                                                                              \
    N(2, 8, side->counts->packets)                                                /* packetDeltaCount */      \
    N(1, 8, side->counts->bytes)                                                  /* octetDeltaCount */       \
    N(152, 8, (side->first_seen ? side->first_seen : flow->first_seen) / 1000000) /* flowStartMilliseconds */ \
    N(153, 8, (side->last_seen ? side->last_seen : flow->last_seen) / 1000000)    /* flowEndMilliseconds */   \
    N(5, 1, side->counts->dscp << 2)                                              /* ipClassOfService */      \
    N(52, 1, side->counts->ttl_min)                                               /* minimumTTL */            \
    N(53, 1, side->counts->ttl_max)                                               /* maximumTTL */            \
    N(197, 1, fragment_flags(side->counts->ip_flags))                             /* fragmentFlags */

/* One octet of flags where that is enough (RFC 7125 allows it, and nfacctd reads no other); two where AE was seen. */
#define IPFIX_TCP_FIELDS(N, B)                            \
    N(6, 1, side->counts->tcp_flags) /* tcpControlBits */ \
    N(209, 8, side->tcp_options)     /* tcpOptions */

#define IPFIX_TCP_WIDE_FIELDS(N, B)  \
    N(6, 2, side->counts->tcp_flags) \
    N(209, 8, side->tcp_options)

#define IPFIX_IPV4_OPTION_FIELDS(N, B) N(208, 4, side->ipv4_options) /* ipv4Options */

#define IPFIX_EXTENSION_FIELDS(N, B) N(64, 4, extension_headers(side)) /* ipv6ExtensionHeaders */

#endif
