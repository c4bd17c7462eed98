/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DESIGN
 *   Slots stand for ranks: the source lets slot k speak about 1/(k+1) as often as slot 0. A flow's length grows with
 *   its slot's rate, so that busy flows live about as long, in seconds, as quiet ones do. Within a rank lengths are
 *   Pareto distributed with exponent 1: most flows are short, a few are a thousand times as long.
 *
 *   No two live TCP connections may have the same addresses and ports, or xtop would find their sequence numbers at
 *   odds. So a client's port, and where there are more flows than ports its address, follow from the slot.
 */
#include "capture/demo_flows.h"

#include <string.h>

#include "capture/demo_random.h"

#define PORT_FIRST 32768u
#define PORTS 28232u      /* what Linux takes local ports from */
#define PORT_STRIDE 7919u /* coprime to PORTS: neighbours among the slots are none among the ports */
#define CLIENTS 4096u     /* hosts at least, of each queue */
#define LIFE_SHORTEST 6u  /* messages */
#define LIFE_SPREAD 1000u /* the longest is this many times as long */
#define LIFE_MOST (UINT32_C(1) << 30)

enum tcp_state { TCP_SYN, TCP_SYN_ACK, TCP_HANDSHAKE_ACK, TCP_REQUEST, TCP_TALK, TCP_FIN, TCP_FIN_TOO, TCP_LAST_ACK };

static void put_ipv4(uint8_t *at, uint32_t first, uint32_t second, uint32_t third, uint32_t fourth)
{
    const uint8_t address[4] = {(uint8_t)first, (uint8_t)second, (uint8_t)third, (uint8_t)fourth};

    memcpy(at, address, sizeof address);
}

/* 2001:db8:SUBNET::HOST */
static void put_ipv6(uint8_t *at, uint32_t subnet, uint32_t host)
{
    const uint8_t address[16] = {
        0x20, 0x01, 0x0d, 0xb8, (uint8_t)(subnet >> 8), (uint8_t)subnet, [14] = (uint8_t)(host >> 8), (uint8_t)host,
    };

    memcpy(at, address, sizeof address);
}

static void choose_client(struct demo_path *path, struct demo_world *world, uint32_t slot)
{
    uint32_t groups = (world->flows + PORTS - 1) / PORTS;
    uint32_t host = demo_random_low(&world->random, CLIENTS / groups + 1) * groups + slot / PORTS;

    path->port[0] = (uint16_t)(PORT_FIRST + (uint64_t)slot * PORT_STRIDE % PORTS);
    if (path->ip_version == 4)
        put_ipv4(path->address[0], 10, world->queue, host / 254, 1 + host % 254);
    else
        put_ipv6(path->address[0], world->queue, 1 + host);
}

/* Servers: a quarter of the flows stay inside, the others go to the two documentation networks. */
static void choose_server(struct demo_path *path, struct demo_world *world, enum demo_kind kind)
{
    bool inside = demo_random_percent(&world->random, 25);
    uint32_t host = demo_random_low(&world->random, kind == DEMO_DNS ? 4 : 250);

    if (path->ip_version == 6)
        put_ipv6(path->address[1], inside ? 0xff00 : 0xcafe, 1 + host);
    else if (inside)
        put_ipv4(path->address[1], 10, 255, 0, 1 + host);
    else if (demo_random_percent(&world->random, 60))
        put_ipv4(path->address[1], 198, 51, 100, 1 + host);
    else
        put_ipv4(path->address[1], 192, 0, 2, 1 + host);
}

static uint16_t choose_service(struct demo_world *world, enum demo_kind kind)
{
    static const uint16_t tcp[] = {443, 443, 443, 443, 443, 443, 443, 443, 443, 80, 80, 22, 993, 5432, 8080, 3306};

    switch (kind) {
    case DEMO_TCP:
        return tcp[demo_random_below(&world->random, sizeof tcp / sizeof tcp[0])];
    case DEMO_QUIC:
        return 443;
    case DEMO_DNS:
        return 53;
    default:
        return 0;
    }
}

/* Hosts start at 64 or 128, and the way here takes a few hops. */
static uint8_t choose_ttl(struct demo_world *world)
{
    return (uint8_t)((demo_random_percent(&world->random, 65) ? 64 : 128) - demo_random_below(&world->random, 15));
}

static uint8_t choose_dscp(struct demo_world *world)
{
    static const uint8_t marks[] = {46, 34, 26, 8}; /* EF, AF41, AF31, CS1 */

    if (!demo_random_percent(&world->random, 8))
        return 0;
    return marks[demo_random_below(&world->random, sizeof marks)];
}

static enum demo_kind choose_kind(struct demo_world *world, bool busy)
{
    uint32_t percent = demo_random_below(&world->random, 100);

    if (busy) /* nobody asks a name server a thousand times a second */
        return percent < 80 ? DEMO_TCP : DEMO_QUIC;
    if (percent < 53)
        return DEMO_TCP;
    if (percent < 65)
        return DEMO_QUIC;
    return percent < 93 ? DEMO_DNS : DEMO_ECHO;
}

static uint8_t protocol_of(enum demo_kind kind, uint8_t ip_version)
{
    if (kind == DEMO_TCP)
        return DEMO_PROTOCOL_TCP;
    if (kind != DEMO_ECHO)
        return DEMO_PROTOCOL_UDP;
    return ip_version == 4 ? DEMO_PROTOCOL_ICMP : DEMO_PROTOCOL_ICMPV6;
}

static void choose_path(struct demo_path *path, struct demo_world *world, uint32_t slot, enum demo_kind kind)
{
    memset(path, 0, sizeof *path);
    path->ip_version = demo_random_percent(&world->random, 80) ? 4 : 6;
    path->protocol = protocol_of(kind, path->ip_version);
    choose_client(path, world, slot);
    choose_server(path, world, kind);
    path->port[1] = choose_service(world, kind);
    if (demo_random_percent(&world->random, 4))
        path->vlan = (uint16_t)(10 * (1 + demo_random_below(&world->random, 3)));
    path->ttl[0] = choose_ttl(world);
    path->ttl[1] = choose_ttl(world);
    path->dscp = choose_dscp(world);
    path->tcp_stamps = demo_random_percent(&world->random, 85);
    demo_path_sum(path);
}

static uint32_t choose_life(struct demo_world *world, enum demo_kind kind, uint32_t slot)
{
    uint64_t longer = world->flows / (2 * ((uint64_t)slot + 1));
    uint32_t shortness = 1 + demo_random_below(&world->random, LIFE_SPREAD);
    uint64_t life = (uint64_t)LIFE_SHORTEST * LIFE_SPREAD * (longer ? longer : 1) / shortness;

    if (kind == DEMO_DNS)
        return 1 + demo_random_below(&world->random, 2); /* A, and often AAAA */
    if (kind == DEMO_ECHO)
        return 1 + demo_random_below(&world->random, 10);
    return life < LIFE_MOST ? (uint32_t)life : LIFE_MOST;
}

/* Half a round trip of 0.2 to 80 ms, short ones more often; packets stand for time, so that a seed gives one order. */
static uint32_t choose_delay(struct demo_world *world)
{
    uint64_t us = 100 + demo_random_low(&world->random, 200) * (uint64_t)demo_random_low(&world->random, 200);

    return (uint32_t)(us * world->packets_per_s / 1000000);
}

void demo_flow_start(struct demo_flow *flow, struct demo_world *world, uint32_t slot)
{
    enum demo_kind kind = choose_kind(world, slot < world->flows / 8);

    choose_path(&flow->path, world, slot, kind);
    flow->kind = (uint8_t)kind;
    flow->state = 0;
    flow->sequence[0] = (uint32_t)demo_random(&world->random);
    flow->sequence[1] = (uint32_t)demo_random(&world->random);
    if (kind == DEMO_ECHO)
        flow->sequence[0] = 0;
    flow->stamp[0] = flow->stamp[1] = 0;
    flow->left = choose_life(world, kind, slot);
    flow->delay = choose_delay(world);
    flow->due = 0;
    flow->bulk = demo_random_percent(&world->random, 82); /* mostly the server */
    flow->speaker = 0;
    flow->unanswered = 0;
    flow->chatty = demo_random_percent(&world->random, 30);
}

/* Both ends' clocks run alike, apart by what their first sequence numbers happened to be. */
static void tcp_say(struct demo_flow *flow, const struct demo_world *world, struct demo_packet *packet, uint8_t from,
                    uint8_t flags)
{
    packet->from = from;
    packet->tcp_flags = flags;
    packet->sequence = flow->sequence[from];
    packet->acknowledgement = flags & DEMO_ACK ? flow->sequence[!from] : 0;
    packet->stamp = world->now + (uint32_t)flow->path.port[from] * 4096;
    packet->echo = flags & DEMO_ACK ? flow->stamp[!from] : 0;
    flow->stamp[from] = packet->stamp;
    flow->sequence[from] += packet->payload + !!(flags & DEMO_SYN) + !!(flags & DEMO_FIN);
}

static uint16_t tcp_size(const struct demo_flow *flow, struct demo_world *world, bool bulk)
{
    if (bulk && !flow->chatty && !demo_random_percent(&world->random, 12))
        return demo_payload_most(&flow->path);
    return (uint16_t)(20 + demo_random_low(&world->random, bulk ? 900 : 500));
}

/* Data, or the acknowledgement of two segments (RFC 9293 section 3.8.6.3). */
static enum demo_mood tcp_talk(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet)
{
    uint8_t from = flow->bulk ^ demo_random_percent(&world->random, flow->chatty ? 40 : 4);

    if (flow->unanswered >= 2) {
        flow->unanswered = 0;
        tcp_say(flow, world, packet, !flow->speaker, DEMO_ACK);
        return DEMO_LATER;
    }
    if (flow->state == TCP_REQUEST)
        from = 0;
    packet->payload = tcp_size(flow, world, from == flow->bulk);
    tcp_say(flow, world, packet, from, packet->payload < 1000 ? DEMO_PUSH | DEMO_ACK : DEMO_ACK);
    flow->unanswered = from == flow->speaker ? flow->unanswered + 1 : 1;
    flow->speaker = from;
    flow->state = --flow->left ? TCP_TALK : TCP_FIN;
    return flow->unanswered >= 2 ? DEMO_SOON : DEMO_LATER;
}

static enum demo_mood tcp_close(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet)
{
    uint8_t first = flow->bulk;

    if (flow->state == TCP_LAST_ACK) {
        tcp_say(flow, world, packet, first, DEMO_ACK);
        return DEMO_OVER;
    }
    if (flow->state == TCP_FIN && demo_random_percent(&world->random, 4)) {
        tcp_say(flow, world, packet, first, DEMO_RST | DEMO_ACK);
        return DEMO_OVER;
    }
    tcp_say(flow, world, packet, flow->state == TCP_FIN ? first : !first, DEMO_FIN | DEMO_ACK);
    flow->state++;
    return DEMO_SOON;
}

static enum demo_mood tcp_speak(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet)
{
    switch (flow->state) {
    case TCP_SYN:
        tcp_say(flow, world, packet, 0, DEMO_SYN);
        break;
    case TCP_SYN_ACK:
        tcp_say(flow, world, packet, 1, DEMO_SYN | DEMO_ACK);
        break;
    case TCP_HANDSHAKE_ACK:
        tcp_say(flow, world, packet, 0, DEMO_ACK);
        break;
    case TCP_REQUEST:
    case TCP_TALK:
        return tcp_talk(flow, world, packet);
    default:
        return tcp_close(flow, world, packet);
    }
    flow->state++;
    return DEMO_SOON;
}

/* RFC 9000: the first packets of both ends are padded to 1200 bytes; then data, and a short answer now and then. */
static enum demo_mood quic_speak(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet)
{
    if (flow->state < 2) {
        packet->from = flow->state++;
        packet->payload = 1200;
        return DEMO_SOON;
    }
    if (flow->unanswered >= 4) {
        flow->unanswered = 0;
        packet->from = !flow->bulk;
        packet->payload = (uint16_t)(29 + demo_random_below(&world->random, 20));
        return DEMO_LATER;
    }
    packet->from = flow->bulk;
    packet->payload = demo_random_percent(&world->random, flow->chatty ? 20 : 85)
                          ? 1350
                          : (uint16_t)(40 + demo_random_low(&world->random, 1200));
    flow->unanswered++;
    return --flow->left ? DEMO_LATER : DEMO_OVER;
}

/* Question and answer, `left` times. */
static enum demo_mood ask_speak(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet)
{
    packet->from = flow->state;
    packet->sequence = flow->sequence[0];
    if (flow->kind == DEMO_ECHO)
        packet->payload = 56;
    else
        packet->payload = (uint16_t)(flow->state ? 60 + demo_random_low(&world->random, 400)
                                                 : 28 + demo_random_below(&world->random, 30));
    flow->state ^= 1;
    if (flow->state)
        return DEMO_SOON;
    flow->sequence[0]++;
    return --flow->left ? DEMO_LATER : DEMO_OVER;
}

enum demo_mood demo_flow_speak(struct demo_flow *flow, struct demo_world *world, struct demo_packet *packet)
{
    packet->path = &flow->path;
    packet->payload = 0;
    switch (flow->kind) {
    case DEMO_TCP:
        return tcp_speak(flow, world, packet);
    case DEMO_QUIC:
        return quic_speak(flow, world, packet);
    default:
        return ask_speak(flow, world, packet);
    }
}
