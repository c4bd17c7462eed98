/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ipfix_flow.h"

#include "capture/ipfix_elements.h"
#include "capture/ipfix_encode.h"
#include "capture/ipfix_put.h"

#define ENTERPRISE_BIT 0x8000u
#define REVERSE_ENTERPRISE 29305 /* RFC 5103 */

/* ---- Values that are more than a field ------------------------------------------------------------------------- */

/* The bits of fragmentFlags lie as in the IPv4 header: reserved, don't fragment, more fragments. */
static inline uint8_t fragment_flags(uint8_t ip_flags)
{
    return (uint8_t)((ip_flags & XTOP_IP_DONT_FRAGMENT ? 0x40 : 0) | (ip_flags & XTOP_IP_MORE_FRAGMENTS ? 0x20 : 0));
}

/* IANA's bits. A first fragment is known by its header, the ones behind it by the first's "more fragments". */
static inline uint32_t extension_headers(const struct flow_side *side)
{
    static const struct {
        uint32_t ours;
        uint32_t iana;
    } bits[] = {{XTOP_EXT_DESTINATION, 1u << 0},    {XTOP_EXT_HOP_BY_HOP, 1u << 1}, {XTOP_EXT_FRAGMENT, 1u << 4},
                {XTOP_EXT_ROUTING, 1u << 5},        {XTOP_EXT_MOBILITY, 1u << 12},  {XTOP_EXT_ESP, 1u << 13},
                {XTOP_EXT_AUTHENTICATION, 1u << 14}};
    uint32_t headers = 0;

    if (side->ipv6_extensions == 0)
        return 0;
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (side->ipv6_extensions & bits[i].ours)
            headers |= bits[i].iana;
    if (headers & 1u << 4 && side->counts->ip_flags & XTOP_IP_MORE_FRAGMENTS)
        headers |= 1u << 6;
    return headers;
}

/* ---- Groups ---------------------------------------------------------------------------------------------------- */

typedef uint8_t *write_group(uint8_t *to, const struct ipfix_flow *flow, const struct flow_side *side);

struct group {
    const struct ipfix_field *field;
    uint16_t count;
    write_group *write;
};

#define GROUP(name, FIELDS)                                                                                \
    static const struct ipfix_field name##_fields[] = {FIELDS(IPFIX_DESCRIBE, IPFIX_DESCRIBE)};            \
    static uint8_t *write_##name(uint8_t *to, const struct ipfix_flow *flow, const struct flow_side *side) \
    {                                                                                                      \
        (void)flow;                                                                                        \
        (void)side;                                                                                        \
        FIELDS(IPFIX_NUMBER, IPFIX_BYTES)                                                                  \
        return to;                                                                                         \
    }

GROUP(flow, IPFIX_FLOW_FIELDS)
GROUP(ipv4, IPFIX_IPV4_FIELDS)
GROUP(ipv6, IPFIX_IPV6_FIELDS)
GROUP(port, IPFIX_PORT_FIELDS)
GROUP(icmp, IPFIX_ICMP_FIELDS)
GROUP(icmpv6, IPFIX_ICMPV6_FIELDS)
GROUP(count, IPFIX_COUNT_FIELDS)
GROUP(tcp, IPFIX_TCP_FIELDS)
GROUP(tcp_wide, IPFIX_TCP_WIDE_FIELDS)
GROUP(ipv4_option, IPFIX_IPV4_OPTION_FIELDS)
GROUP(extension, IPFIX_EXTENSION_FIELDS)

/* END ends a form. */
enum { END, FLOW, IPV4, IPV6, PORT, ICMP, ICMPV6, COUNT, TCP, TCP_WIDE, IPV4_OPTION, EXTENSION };

/* clang-format off */
#define ROW(name) {name##_fields, sizeof name##_fields / sizeof name##_fields[0], write_##name}

static const struct group groups[] = {
    [FLOW] = ROW(flow),
    [IPV4] = ROW(ipv4),
    [IPV6] = ROW(ipv6),
    [PORT] = ROW(port),
    [ICMP] = ROW(icmp),
    [ICMPV6] = ROW(icmpv6),
    [COUNT] = ROW(count),
    [TCP] = ROW(tcp),
    [TCP_WIDE] = ROW(tcp_wide),
    [IPV4_OPTION] = ROW(ipv4_option),
    [EXTENSION] = ROW(extension),
};
/* clang-format on */

/* ---- Forms: which groups make a record ------------------------------------------------------------------------- */

#define REVERSE 0x80 /* the group tells of the reverse direction */
#define MOST_GROUPS 10
#define IPV6_FORMS 4 /* further on */
#define BOTH_FORMS 8

/*
 * The reverse direction stands before the forward one: a collector that takes its elements for plain ones (nfdump 1.7.1
 * does with times and flags) is left with those of the forward direction, since what comes later wins.
 */
static const uint8_t forms[IPFIX_FLOW_TEMPLATES][MOST_GROUPS] = {
    {FLOW, IPV4, PORT, COUNT, IPV4_OPTION},
    {FLOW, IPV4, PORT, COUNT, IPV4_OPTION, TCP},
    {FLOW, IPV4, ICMP, COUNT, IPV4_OPTION},
    {FLOW, IPV4, PORT, COUNT, IPV4_OPTION, TCP_WIDE},
    {FLOW, IPV6, PORT, COUNT, EXTENSION},
    {FLOW, IPV6, PORT, COUNT, EXTENSION, TCP},
    {FLOW, IPV6, ICMPV6, COUNT, EXTENSION},
    {FLOW, IPV6, PORT, COUNT, EXTENSION, TCP_WIDE},
    {FLOW, IPV4, PORT, REVERSE | COUNT, REVERSE | IPV4_OPTION, COUNT, IPV4_OPTION},
    {FLOW, IPV4, PORT, REVERSE | COUNT, REVERSE | IPV4_OPTION, REVERSE | TCP, COUNT, IPV4_OPTION, TCP},
    {FLOW, IPV4, ICMP, REVERSE | COUNT, REVERSE | IPV4_OPTION, COUNT, IPV4_OPTION},
    {FLOW, IPV4, PORT, REVERSE | COUNT, REVERSE | IPV4_OPTION, REVERSE | TCP_WIDE, COUNT, IPV4_OPTION, TCP_WIDE},
    {FLOW, IPV6, PORT, REVERSE | COUNT, REVERSE | EXTENSION, COUNT, EXTENSION},
    {FLOW, IPV6, PORT, REVERSE | COUNT, REVERSE | EXTENSION, REVERSE | TCP, COUNT, EXTENSION, TCP},
    {FLOW, IPV6, ICMPV6, REVERSE | COUNT, REVERSE | EXTENSION, COUNT, EXTENSION},
    {FLOW, IPV6, PORT, REVERSE | COUNT, REVERSE | EXTENSION, REVERSE | TCP_WIDE, COUNT, EXTENSION, TCP_WIDE},
};

static inline const struct group *group_of(uint8_t part)
{
    return &groups[part & ~REVERSE];
}

uint8_t ipfix_form(const struct xtop_record *record, bool both)
{
    uint8_t protocol = record->key.protocol;
    uint8_t form = 0;

    if (protocol == FLOW_TCP)
        form = (record->direction[0].tcp_flags | record->direction[1].tcp_flags) & ~0xffu ? 3 : 1;
    else if (protocol == FLOW_ICMP || protocol == FLOW_ICMPV6)
        form = 2;
    return (uint8_t)(form + (record->key.ip_version == 6 ? IPV6_FORMS : 0) + (both ? BOTH_FORMS : 0));
}

uint32_t ipfix_form_size(uint8_t form)
{
    uint32_t size = 0;

    for (const uint8_t *part = forms[form]; *part != END; part++)
        for (uint32_t i = 0; i < group_of(*part)->count; i++)
            size += group_of(*part)->field[i].size;
    return size;
}

static uint32_t form_fields(uint8_t form)
{
    uint32_t fields = 0;

    for (const uint8_t *part = forms[form]; *part != END; part++)
        fields += group_of(*part)->count;
    return fields;
}

uint32_t ipfix_template_size(uint8_t form)
{
    uint32_t size = 4 + 4 * form_fields(form);

    for (const uint8_t *part = forms[form]; *part != END; part++)
        size += *part & REVERSE ? 4 * group_of(*part)->count : 0;
    return size;
}

uint8_t *ipfix_put_fields(uint8_t *to, const struct ipfix_field *field, uint32_t count, bool reverse)
{
    for (uint32_t i = 0; i < count; i++) {
        to = ipfix_put_number(to, 2, field[i].element | (reverse ? ENTERPRISE_BIT : 0));
        to = ipfix_put_number(to, 2, field[i].size);
        if (reverse)
            to = ipfix_put_number(to, 4, REVERSE_ENTERPRISE);
    }
    return to;
}

uint8_t *ipfix_put_template(uint8_t *to, uint8_t form)
{
    to = ipfix_put_number(to, 2, IPFIX_FIRST_TEMPLATE + form);
    to = ipfix_put_number(to, 2, form_fields(form));
    for (const uint8_t *part = forms[form]; *part != END; part++)
        to = ipfix_put_fields(to, group_of(*part)->field, group_of(*part)->count, *part & REVERSE);
    return to;
}

uint8_t *ipfix_put_flow(uint8_t *to, const struct ipfix_flow *flow)
{
    for (const uint8_t *part = forms[flow->form]; *part != END; part++)
        to = group_of(*part)->write(to, flow, &flow->side[*part & REVERSE ? 1 : 0]);
    return to;
}
