/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared-memory segment: the one contract between xtop-capture, which writes it, and every reader.
 *
 *   offset 0                                                                             segment_size
 *   ┌────────┬─────────┬─────┬─────────┬───────────────────────────┬─────┬───────────────────────────┐
 *   │ header │ queue 0 │ ... │ queue n │ shard 0                   │ ... │ shard n                   │
 *   │ 36 KiB │ block   │     │ block   │ index │ slots│rests│ended │     │ index │ slots│rests│ended │
 *   └────────┴─────────┴─────┴─────────┴───────────────────────────┴─────┴───────────────────────────┘
 *
 * There is no pointer in it, only byte offsets from its start, so it maps anywhere. All of it lives in a sealed memfd
 * whose pages are zero until touched: address space is reserved for the largest table, memory comes as flows come.
 *
 * Writers. One thread (the worker of a queue) writes a queue block and its shard. The main thread of xtop-capture
 * writes the header. Nobody else can write: the memfd is sealed against it.
 *
 * The reader's protocol.
 *   Sequence lock (xtop_queue, xtop_slot): read `sequence` with acquire order; odd means being written, try again;
 *     copy; acquire fence; read `sequence` again; equal means the copy is whole.
 *   A live flow lies in an xtop_slot and the xtop_rest of the same number, packed so that a packet touches but the
 *     former; the lock is the slot's and covers both. What they say is an xtop_record (capture/flow_unpack.h makes one
 *     of the other). The ring of ended flows holds xtop_records.
 *   Generation: odd while the slot holds a flow, even while it is free, one more at each change, so a slot that was
 *     freed and used again is told apart.
 *   Slots 1 .. records_used of a shard were used at least once; slot 0 is never used (it means "none" in the index).
 *   Ended ring: `ended_head` counts the records ever put in. Record i lies in slot i % ended_capacity. It is whole
 *     when, after the copy, `ended_reserved` - i <= ended_capacity. A reader keeps its own cursor; one that is lapped
 *     counts head - capacity - cursor as lost to itself, and the writer never waits.
 *   Counters are totals since the start and never fall; rates are the reader's arithmetic.
 *
 * Times are nanoseconds since the Unix epoch. In live capture they run on the monotonic clock, started at the wall
 * clock's value, so that a wall clock which jumps moves no flow; from a file they are the file's own.
 *
 * The text between the two `cdef` marks is read by cffi as it stands: plain constants and structs, no other macro.
 */
#ifndef XTOP_FLOW_ABI_H
#define XTOP_FLOW_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/flow_key.h" /* struct xtop_key, XTOP_IP_, XTOP_EXT_: what BPF programs need, too */

/* cdef begin */
#define XTOP_MAGIC 0x31304c46504f5458 /* "XTOPFL01", little endian */
#define XTOP_LAYOUT_VERSION 10
#define XTOP_HEADER_SIZE 36864
#define XTOP_MAX_LINKS 16
#define XTOP_MAX_QUEUES 256 /* of all links together */
#define XTOP_BUCKET_ENTRIES 7
#define XTOP_BIRTHS_SLOTS 64
#define XTOP_SIZE_BINS 8
#define XTOP_DURATION_BINS 8
#define XTOP_PACKETS_BINS 8
#define XTOP_GAP_BINS 16
#define XTOP_BYTE_VALUES 256
#define XTOP_TEXT 256

/* xtop_header.state */
#define XTOP_STATE_STARTING 0
#define XTOP_STATE_RUNNING 1
#define XTOP_STATE_DONE 2   /* source is at its end, or was stopped: figures are final */
#define XTOP_STATE_FAILED 3 /* state_text says why; figures up to then are final */

/* xtop_header.source_kind */
#define XTOP_SOURCE_INTERFACE 1
#define XTOP_SOURCE_FILE 2
#define XTOP_SOURCE_DEMO 3

/* xtop_link.xdp_mode */
#define XTOP_XDP_NONE 0
#define XTOP_XDP_GENERIC 1
#define XTOP_XDP_NATIVE 2

/* xtop_link.state */
#define XTOP_LINK_UP 0 /* or there is none, or it is not looked at */
#define XTOP_LINK_NO_CARRIER 1
#define XTOP_LINK_DOWN 2 /* by whoever administers it */
#define XTOP_LINK_OVER 3 /* nothing comes from it any more; `failure` says why */

/* xtop_header.sampling_method; the values are IPFIX selectorAlgorithm (304, RFC 5477), but 0 */
#define XTOP_SAMPLING_NONE 0
#define XTOP_SAMPLING_SYSTEMATIC 1 /* systematic count-based */
#define XTOP_SAMPLING_RANDOM 4     /* uniform probabilistic */

/* xtop_header.sandbox, bits: what the capture has given up (capture/sandbox.h) */
#define XTOP_SANDBOX_RIGHTS 1            /* capabilities */
#define XTOP_SANDBOX_NO_NEW_PRIVILEGES 2 /* and that any come back */
#define XTOP_SANDBOX_FILES 4             /* opening files: Landlock */
#define XTOP_SANDBOX_CALLS 8             /* system calls that it does not need: seccomp */

/* xtop_record.end_reason; the values are IPFIX flowEndReason (136, RFC 5102), but 0 and 16 */
#define XTOP_END_NONE 0
#define XTOP_END_IDLE 1
#define XTOP_END_ACTIVE 2
#define XTOP_END_TCP 3      /* FIN both ways or RST, then 2 s of quiet */
#define XTOP_END_SHUTDOWN 4 /* forced end */
#define XTOP_END_CACHE_FULL 5

/* xtop_record.tunnel: what carried the flow's IP header; tunnel_id is the field in brackets */
#define XTOP_TUNNEL_NONE 0
#define XTOP_TUNNEL_MPLS 1      /* label of the bottom of the stack */
#define XTOP_TUNNEL_PPPOE 2     /* session id */
#define XTOP_TUNNEL_GRE 3       /* no key, no id */
#define XTOP_TUNNEL_GRE_KEYED 4 /* key */
#define XTOP_TUNNEL_NVGRE 5     /* virtual subnet id */
#define XTOP_TUNNEL_ERSPAN 6    /* session id */
#define XTOP_TUNNEL_IPIP 7      /* IPv4 in IPv4; like the next three, no id */
#define XTOP_TUNNEL_6IN4 8
#define XTOP_TUNNEL_4IN6 9
#define XTOP_TUNNEL_6IN6 10
#define XTOP_TUNNEL_VXLAN 11     /* VNI */
#define XTOP_TUNNEL_VXLAN_GPE 12 /* VNI */
#define XTOP_TUNNEL_GENEVE 13    /* VNI */
#define XTOP_TUNNEL_GTPU 14      /* TEID */
#define XTOP_TUNNEL_TEREDO 15    /* no id */
#define XTOP_TUNNEL_NSH 16       /* service path */
#define XTOP_TUNNEL_COUNT 17

/* xtop_record.tcp_state */
#define XTOP_TCP_NONE 0 /* not TCP */
#define XTOP_TCP_SYN 1
#define XTOP_TCP_SYN_ACK 2
#define XTOP_TCP_ESTABLISHED 3
#define XTOP_TCP_FIN 4    /* one side has sent FIN */
#define XTOP_TCP_CLOSED 5 /* both have */
#define XTOP_TCP_RESET 6

/* xtop_record.seen: the initiator is who sent a SYN without ACK or an echo request; else it is who came first */
#define XTOP_SEEN_OPENED 16

/* What one direction of a flow did. */
struct xtop_direction {
    uint64_t packets : 48;
    uint64_t zero_windows : 16;              /* TCP segments that said there is no room; stops at 65535 */
    uint64_t bytes;                          /* IP bytes: header and payload */
    uint64_t payload_bytes;                  /* after the transport header */
    uint32_t size_histogram[XTOP_SIZE_BINS]; /* packets by frame length; bins as in xtop_queue.packet_size */
    uint16_t tcp_flags;                      /* OR of the flags; bit 8 is AE (NS) */
    uint16_t out_of_order;                   /* TCP segments that came after a later one; stops at 65535 */
    uint8_t ttl_min;
    uint8_t ttl_max;
    uint8_t dscp;     /* of the last packet */
    uint8_t ip_flags; /* XTOP_IP_ bits, OR */
};

/* A flow, whole. Index 0 of a pair is what end 0 of the key sent, index 1 what end 1 sent. */
struct xtop_record {
    uint32_t sequence;
    uint32_t generation;
    struct xtop_key key;
    uint64_t last_seen[2]; /* ns, 0 = never */

    struct xtop_direction direction[2];

    uint64_t first_seen[2];  /* ns, 0 = never */
    uint64_t tcp_options[2]; /* bit k: option of kind k was seen (k < 64) */
    union {
        uint32_t ipv4_options[2];    /* IPv4; bit n: option of number n (low 5 bits of its type) was seen */
        uint32_t ipv6_extensions[2]; /* IPv6; XTOP_EXT_ bits */
    };
    uint32_t tcp_next[2];        /* next expected TCP sequence number */
    uint16_t retransmissions[2]; /* TCP segments sent again; stops at 65535 */
    uint32_t tunnel_id;          /* of the flow's first packet, as tunnel */
    uint32_t rtt_us;             /* TCP handshake, SYN to its third packet, microseconds; 0 = not seen */
    uint8_t initiator : 1;       /* 0 or 1: the end that is "forward" */
    uint8_t end_reason : 3;      /* XTOP_END_ */
    uint8_t link : 4;            /* readers: of several links, the one that it was seen on (first); xtop_header.link */
    uint8_t tcp_state;           /* XTOP_TCP_ */
    uint8_t seen : 7; /* bit d: direction d has sent FIN; bit 2 + d: tcp_next of d is known; bit 4: XTOP_SEEN_OPENED */
    uint8_t cut_along : 1; /* ended by XTOP_END_ACTIVE of another queue's part of the flow */
    uint8_t tunnel;        /* XTOP_TUNNEL_: the innermost that the flow's first packet came in */
};

/*
 * Payload bytes of a flow by value, capture/byte_histogram.h says whose. Under a sequence lock; `generation` is another
 * once it is another flow's. count[0] is what end 0 of the key sent. An ended record has its histogram's number in
 * `sequence` (0 = none) and that one's generation in `generation`.
 */
struct xtop_byte_histogram {
    uint32_t sequence;
    uint32_t generation;
    uint64_t padding[7];
    uint64_t count[2][XTOP_BYTE_VALUES];
};

/* One bucket of the index: one cache line. tag[i] is the flow's whole hash where slot[i] != 0. */
struct xtop_bucket {
    uint32_t tag[XTOP_BUCKET_ENTRIES];
    uint32_t passed; /* flows whose home is this bucket or before it and that had to go on past it */
    uint32_t slot[XTOP_BUCKET_ENTRIES];
    uint32_t padding;
};

struct xtop_protocol {
    uint64_t packets;
    uint64_t bytes; /* IP bytes */
    uint64_t flows;
};

/*
 * What a queue's worker has counted. received = accounted + non_ip + malformed + filtered + sampled_out + table_full
 * + duplicates.
 */
struct xtop_queue {
    uint32_t sequence;
    uint32_t queue;   /* RX queue number on the interface */
    int32_t cpu;      /* CPU its worker is pinned to, -1 = not pinned */
    uint32_t link;    /* whose: xtop_header.link */
    uint64_t time;    /* ns: the source's clock at the last burst */
    uint64_t busy_ns; /* time spent on frames, not waiting */
    uint64_t received;
    uint64_t received_bytes; /* frame bytes without FCS */

    uint64_t accounted; /* packets in live and ended flows */
    uint64_t non_ip;
    uint64_t malformed;
    uint64_t filtered;
    uint64_t sampled_out;
    uint64_t table_full;
    uint64_t length_mismatch; /* counted in one of the above too */
    uint64_t flows_created;

    uint64_t flows_ended;
    uint64_t flows_evicted; /* of these, ended because the table was full */
    uint64_t rx_dropped;    /* AF_XDP: other than the three below */
    uint64_t rx_ring_full;
    uint64_t rx_fill_ring_empty; /* frames lost to an empty fill ring */
    uint64_t rx_invalid_descs;
    uint64_t ring_dropped; /* AF_PACKET */
    uint64_t wakeups;      /* poll(2) or kick calls */

    uint64_t packet_size[XTOP_SIZE_BINS]; /* frames of <= 64 128 256 512 1024 1518 9216 and more bytes, no FCS */

    uint64_t ended_duration[XTOP_DURATION_BINS]; /* ended flows of <= 1ms 10ms 100ms 1s 10s 60s 300s and more */

    uint64_t ended_packets[XTOP_PACKETS_BINS]; /* ended flows of <= 1 2 5 10 100 1000 10000 and more packets */

    uint64_t first_time;           /* ns: the source's clock at the first burst; 0 = nothing came yet */
    uint64_t duplicates;           /* frames that --dedup dropped */
    uint64_t too_deep;             /* more than 8 encapsulations: counted as the flow that was reached, or in non_ip */
    uint64_t byte_histograms_full; /* flows with payload for which no byte histogram was left */
    uint64_t padding1[6];

    /*
     * Time between a packet and the one before it of the same flow and direction: bin b counts gaps of less than
     * 2^(4 b + 4) ns that no bin before it does; the last one, what is no gap (first packets, clocks that went back).
     * Counted in place, like ended_protocol: not under the lock.
     */
    uint64_t gap[XTOP_GAP_BINS];
    struct xtop_protocol ended_protocol[256];
};

/* Where a queue's shard lies, and the few words of it that move. */
struct xtop_shard {
    uint64_t index_offset; /* bucket_count buckets */
    uint64_t slots_offset; /* record_capacity + 1 xtop_slot; slot 0 unused */
    uint64_t rests_offset; /* as many xtop_rest */
    uint64_t ended_offset; /* ended_capacity xtop_record */
    uint32_t bucket_count; /* a file uses fewer at first: none of its readers looks into the index */
    uint32_t record_capacity;
    uint32_t ended_capacity; /* a power of two */
    uint32_t padding0;
    uint64_t ended_reserved; /* writer moves it before, ended_head after a record is put in */
    uint64_t ended_head;
    uint32_t records_used; /* slots 1 .. records_used were used at least once */
    uint32_t padding1;
    uint64_t byte_histograms_offset;   /* byte_histogram_capacity + 1 histograms; 0 is unused */
    uint64_t byte_histogram_of_offset; /* a uint32_t for each record slot: which of them is its; 0 = none */
    uint32_t byte_histogram_capacity;  /* 0 = bytes are not counted */
    uint32_t padding2;
    uint64_t births_offset; /* uint16_t [i]: flows begun in slots 64 i .. 64 i + 63, modulo 2^16 */
    uint64_t padding3[3];
};

/* What frames come from, and how: an interface, a file, the demo. Queues lie link after link. */
struct xtop_link {
    char name[32];    /* of the interface; a file and the demo have none */
    char capture[32]; /* "af_xdp", "file", "demo" */
    char driver[32];
    uint64_t nic_dropped; /* frames the driver or the device dropped since the start */
    uint32_t ifindex;
    uint32_t xdp_mode; /* XTOP_XDP_ */
    uint32_t zero_copy;
    uint32_t ring_size; /* RX and fill ring, descriptors */
    uint32_t state;     /* XTOP_LINK_, as it is now */
    uint32_t queue_count;
    char failure[XTOP_TEXT]; /* one line, whole once `state` is XTOP_LINK_OVER */
    char notes[1024];        /* lines: what was tried and why it was left (modes stepped down) */
    char reason[512];        /* why this way of capture was chosen; "" = it was asked for */
};

struct xtop_header {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t header_size;
    uint64_t segment_size;
    uint32_t record_size;
    uint32_t queue_size;
    uint32_t shard_size;
    uint32_t queue_count;
    uint64_t queues_offset; /* queue_count xtop_queue */
    uint64_t shards_offset; /* queue_count xtop_shard */
    uint32_t hash_seed;
    uint32_t max_flows;
    uint32_t state; /* XTOP_STATE_ */
    uint32_t source_kind;
    uint64_t started_at;   /* ns */
    uint64_t clock_base;   /* live: ns to add to CLOCK_MONOTONIC for the time that everything here is in; 0 = a file */
    uint64_t idle_timeout; /* ns */
    uint64_t active_timeout; /* ns */
    uint64_t dedup_window;   /* ns: a frame seen again within it is dropped; 0 = off */
    uint64_t flows_claimed;  /* record slots taken from max_flows by all shards */
    int32_t pid;
    uint32_t sampling;           /* 1-in-N; 1 = every packet */
    uint32_t sampling_method;    /* XTOP_SAMPLING_ */
    uint32_t sandbox;            /* XTOP_SANDBOX_ bits */
    uint32_t link_count;         /* 1 .. XTOP_MAX_LINKS */
    char source_name[XTOP_TEXT]; /* interfaces, a comma between two; file */
    char state_text[XTOP_TEXT];  /* one line: what ended or broke */
    char filter[XTOP_TEXT];
    struct xtop_link link[XTOP_MAX_LINKS];
};
/* cdef end */

/* xtop_slot.state */
#define XTOP_SLOT_ENDING 1u                   /* it is on its way into the ring of ended flows, or there already */
#define XTOP_SLOT_VERSION 6u                  /* the key's IP version, 4 or 6; 0 = the slot is free */
#define XTOP_SLOT_CLOSED 8u                   /* tcp_state is XTOP_TCP_CLOSED or more */
#define XTOP_SLOT_PLAIN(end) (16u << (end))   /* a plain packet of that end changes nothing but line 0 */
#define XTOP_SLOT_STAMPED(end) (64u << (end)) /* that end's TCP options are known to hold XTOP_TCP_STAMPED */

/* tcp_options of a segment with time stamps and nothing else (RFC 7323 appendix A): no-operation and 8. */
#define XTOP_TCP_STAMPED (1u << 1 | 1u << 8)

/*
 * xtop_slot_side.pending: packets that the totals do not have yet, added up in one word:
 *
 *   bit  0      7      13    18   22   26      33                 51            63
 *       ┌──────┬──────┬─────┬────┬────┬───────┬──────────────────┬─────────────┐
 *       │ bin 0│ bin 1│  2  │ 3  │ 4  │ bin 5 │ IP bytes         │ header bytes│
 *       └──────┴──────┴─────┴────┴────┴───────┴──────────────────┴─────────────┘
 *
 * Bins are those of size_histogram, wide where frames are many (the least and the full ones); larger frames are counted
 * in the totals at once. Header bytes are those that are not payload. A field whose highest bit is set is due to be
 * moved to the totals.
 */
#define XTOP_PENDING_BINS 6
#define XTOP_PENDING_BYTES_AT 33
#define XTOP_PENDING_BYTES_BITS 18
#define XTOP_PENDING_HEADERS_AT 51
#define XTOP_PENDING_HEADERS_BITS 13

/* xtop_slot_side.flags: tcp_flags below, then XTOP_IP_DONT_FRAGMENT, then dscp */
#define XTOP_SLOT_TCP_FLAGS 0x1ffu
#define XTOP_SLOT_DONT_FRAGMENT_AT 9
#define XTOP_SLOT_DSCP_AT 10

/* What a plain packet changes. Fields are those of xtop_direction and xtop_record but for flags and pending. */
struct xtop_slot_side {
    uint64_t last_seen;
    uint64_t pending;
    uint32_t tcp_next;
    uint16_t flags;
    uint8_t ttl_min;
    uint8_t ttl_max;
};

/* What one end has sent, less what is pending. size_histogram's last bin is what is left of `packets`. */
struct xtop_rest_total {
    uint64_t packets : 48;
    uint64_t out_of_order : 16;
    uint64_t bytes;
    uint64_t header_bytes : 48; /* bytes - payload_bytes */
    uint64_t zero_windows : 16;
    uint64_t first_seen;
    uint32_t size_histogram[XTOP_SIZE_BINS - 1];
    uint32_t shared; /* of end 0: the slot's generation; of end 1: rtt_us */
};

/*
 * The line of a live flow that every packet touches: the packed key and all that a plain packet changes. Slots lie side
 * by side without their rests, so that those of busy flows fill all sets of a cache and not every fourth.
 *
 * It lacks the first word of the key, address[0][0..3]: who comes here through the index has compared the key's whole
 * hash, and two keys with one hash that differ in one word at most do not differ (each step of MurmurHash3 is a
 * bijection). Of an IPv6 key the other words of the addresses are in the rest.
 */
struct xtop_slot {
    uint32_t sequence;
    uint8_t address1[4]; /* key.address[1][0..3] */
    uint16_t port[2];
    uint16_t vlan;
    uint8_t protocol;
    uint8_t state; /* XTOP_SLOT_ */
    struct xtop_slot_side side[2];
};

/*
 * What else there is of the flow.
 *   line 0  totals of end 0   } touched each 64 packets or so, by the first packet, by what is not plain
 *   line 1  totals of end 1   }
 *   line 2  what only the first packet, TCP's turns and rare headers touch
 */
struct xtop_rest {
    struct xtop_rest_total total[2];

    uint8_t address0[16];
    uint8_t address1[12]; /* key.address[1][4..15] */
    uint32_t tunnel_id;
    uint64_t tcp_options[2];
    uint32_t ip_options[2]; /* ipv4_options or ipv6_extensions */
    uint16_t retransmissions[2];
    uint8_t tunnel : 7;
    uint8_t initiator : 1;
    uint8_t tcp_state : 3;
    uint8_t seen : 5;
    uint8_t ip_flags[2]; /* but XTOP_IP_DONT_FRAGMENT */
};

#define XTOP_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " must be " #size " bytes")
#define XTOP_ASSERT_AT(type, field, at) \
    _Static_assert(offsetof(type, field) == (at), #type "." #field " must be at " #at)

XTOP_ASSERT_SIZE(struct xtop_key, 40);
XTOP_ASSERT_SIZE(struct xtop_direction, 64);
XTOP_ASSERT_SIZE(struct xtop_record, 256);
XTOP_ASSERT_SIZE(struct xtop_slot_side, 24);
XTOP_ASSERT_SIZE(struct xtop_slot, 64);
XTOP_ASSERT_SIZE(struct xtop_rest_total, 64);
XTOP_ASSERT_SIZE(struct xtop_rest, 192);
XTOP_ASSERT_SIZE(struct xtop_byte_histogram, 64 + 2 * 256 * 8);
XTOP_ASSERT_SIZE(struct xtop_bucket, 64);
XTOP_ASSERT_SIZE(struct xtop_shard, 128);
XTOP_ASSERT_SIZE(struct xtop_queue, 64 * 9 + 256 * 24);
XTOP_ASSERT_AT(struct xtop_record, key, 8);
XTOP_ASSERT_AT(struct xtop_record, last_seen, 48);
XTOP_ASSERT_AT(struct xtop_record, direction, 64);
XTOP_ASSERT_AT(struct xtop_record, first_seen, 192);
XTOP_ASSERT_AT(struct xtop_record, tcp_state, 253);
XTOP_ASSERT_SIZE(struct xtop_link, 32 * 3 + 8 * 4 + XTOP_TEXT + 1024 + 512);
XTOP_ASSERT_AT(struct xtop_slot, port, 8);
XTOP_ASSERT_AT(struct xtop_slot, state, 15);
XTOP_ASSERT_AT(struct xtop_slot, side, 16);
XTOP_ASSERT_AT(struct xtop_rest, address0, 128);
_Static_assert(sizeof(struct xtop_header) <= XTOP_HEADER_SIZE, "the header must fit its room");

#endif
