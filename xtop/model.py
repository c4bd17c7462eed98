# SPDX-License-Identifier: BSD-2-Clause
"""What a moment of a link looks like: frozen values that know nothing of where they came from.

A :class:`Snapshot` is the only thing that travels from a source to widgets and exporters. Names are the contract's
(snapshot schema ``xtop.snapshot/1``). Times are nanoseconds since the Unix epoch; rates are per second, ``bps`` in
bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

PACKET_SIZE_UPPER: tuple[float | None, ...] = (64, 128, 256, 512, 1024, 1518, 9216, None)
FLOW_DURATION_UPPER: tuple[float | None, ...] = (0.001, 0.01, 0.1, 1, 10, 60, 300, None)
FLOW_GAP_UPPER: tuple[float | None, ...] = (*((2**bits - 1) / 1e9 for bits in range(8, 33, 4)), None)
FLOW_PACKETS_UPPER: tuple[float | None, ...] = (1, 2, 5, 10, 100, 1000, 10000, None)


QueueKey = tuple[str, int]  # the interface's name, the queue's number


class CaptureState(Enum):
    """Where a capture is in its life; the values are those of the segment's header."""

    STARTING = 0
    RUNNING = 1
    DONE = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Lost:
    """What never reached xtop, by cause; the causes are disjoint and ``total`` is their sum."""

    rx_dropped: int = 0
    rx_ring_full: int = 0
    rx_fill_ring_empty: int = 0
    rx_invalid_descs: int = 0
    nic: int = 0
    ring: int = 0

    @property
    def total(self) -> int:
        """Packets lost, all causes together."""
        return (
            self.rx_dropped + self.rx_ring_full + self.rx_fill_ring_empty + self.rx_invalid_descs + self.nic + self.ring
        )


@dataclass(frozen=True, slots=True)
class Link:
    """One of the interfaces that are watched, how, and what was lost on it."""

    name: str
    capture: str
    xdp_mode: str | None = None
    zero_copy: bool = False
    queues: int = 1
    driver: str | None = None
    ring_size: int = 0
    ifindex: int = 0
    reason: str | None = None
    lost: Lost = field(default_factory=Lost)
    trouble: str = ""  # why nothing can come from it now


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is watched, and how. Of several interfaces that differ, words are joined with commas."""

    kind: str  # "interface", "file", "demo"
    name: str
    capture: str  # "af_xdp", "ebpf", "af_packet", "file", "demo"
    xdp_mode: str | None = None  # "generic", "native"
    zero_copy: bool = False
    queues: int = 1
    sampling: int = 1  # one packet in so many is looked at
    sampling_method: str | None = None  # "systematic", "random"; None = every packet is
    filter: str | None = None
    driver: str | None = None
    ring_size: int = 0
    ifindex: int = 0  # 0 = no interface
    reason: str | None = None  # why this way of capture, a clause
    byte_histogram: bool = False  # payload bytes are counted by value
    notes: tuple[str, ...] = ()  # what was tried and left, with the reason
    links: tuple[Link, ...] = ()  # the interfaces, in the order that they were named in

    @property
    def follows_tcp(self) -> bool:
        """Whether TCP's sequence numbers are compared.

        Counting in the kernel (eBPF) does not: what was sent again (but a SYN) and what came out of order stand as 0.
        """
        return set(self.capture.split(",")) != {"ebpf"}


@dataclass(frozen=True, slots=True)
class Totals:
    """Everything received; ``bytes`` are frame bytes without FCS."""

    packets: int = 0
    bytes: int = 0
    pps: float = 0.0
    bps: float = 0.0
    flows_live: int = 0
    flows_created: int = 0
    flows_ended: int = 0
    flows_evicted: int = 0  # of the ended, those that a full table pushed out
    length_mismatch: int = 0
    too_deep: int = 0  # packets of more encapsulations than are opened
    byte_histograms_full: int = 0  # flows with payload whose bytes are not counted: no histogram was left


@dataclass(frozen=True, slots=True)
class Accounting:
    """The terms of the conservation law."""

    received: int = 0
    accounted: int = 0
    non_ip: int = 0
    malformed: int = 0
    filtered: int = 0
    sampled_out: int = 0
    table_full: int = 0
    duplicates: int = 0  # dropped by --dedup; a term of the law where it is used

    @property
    def missing(self) -> int:
        """Packets that the law cannot place; anything but 0 is a fault of xtop."""
        placed = self.accounted + self.non_ip + self.malformed + self.filtered + self.sampled_out + self.table_full
        return self.received - placed - self.duplicates


@dataclass(frozen=True, slots=True)
class Queue:
    """One RX queue and its worker."""

    queue: int
    cpu: int | None = None
    packets: int = 0
    bytes: int = 0
    pps: float = 0.0
    bps: float = 0.0
    busy: float = 0.0  # share of the last interval spent on frames, 0 .. 1
    rx_dropped: int = 0
    rx_ring_full: int = 0
    rx_fill_ring_empty: int = 0
    rx_invalid_descs: int = 0
    ring: int = 0
    accounting: Accounting = field(default_factory=Accounting)
    interface: str | None = None  # whose it is

    @property
    def key(self) -> QueueKey:
        """What it is told by: of several interfaces, each has a queue 0."""
        return (self.interface or "", self.queue)

    @property
    def lost(self) -> int:
        """Packets that this queue's rings lost."""
        return self.rx_dropped + self.rx_ring_full + self.rx_fill_ring_empty + self.rx_invalid_descs + self.ring


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by upper bound (inclusive); the last bound is None, for everything above."""

    unit: str
    upper: tuple[float | None, ...]
    counts: tuple[int, ...]


NO_GAPS = Histogram("s", FLOW_GAP_UPPER, (0,) * len(FLOW_GAP_UPPER))


@dataclass(frozen=True, slots=True)
class Protocol:
    """What one transport protocol carried; ``bytes`` are IP bytes."""

    protocol: str
    packets: int
    bytes: int
    flows: int


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a flow."""

    packets: int = 0
    bytes: int = 0
    payload_bytes: int = 0
    tcp_flags: int = 0
    ttl_min: int = 0
    ttl_max: int = 0
    dscp: int = 0
    ip_flags: int = 0
    ipv4_options: int = 0
    tcp_options: int = 0
    ipv6_extensions: int = 0
    packet_size: tuple[int, ...] = ()
    first_seen: int | None = None
    last_seen: int | None = None
    retransmissions: int = 0
    out_of_order: int = 0
    zero_windows: int = 0
    pps: float = 0.0
    bps: float = 0.0
    entropy: float | None = None  # of the payload, bits a byte; None where bytes are not counted, or there is none


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What carried a flow's IP header directly; ``id`` is the VNI, TEID, key, label or session, where there is one."""

    kind: str  # of xtop.flow_rows.TUNNELS
    id: int | None = None

    def __str__(self) -> str:
        return self.kind if self.id is None else f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow, both directions; forward is the initiator's. ``key`` stays the same while the flow lives.

    Where a view asks for directions, one direction: ``reverse`` is empty then. In ``Snapshot.groups`` it is what
    ``flows`` flows have in common, and empty or 0 in all else that would name one: a host is ``source`` (forward is
    what it sent), a service ``protocol`` and ``destination_port`` (forward is what clients sent). Where its view asks
    for no details a group's ``first_seen`` may be 0: then they are not known.
    """

    key: bytes
    flow_id: int
    ip_version: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int
    protocol_name: str
    vlan: int
    tunnel: Tunnel | None
    first_seen: int
    last_seen: int
    packets: int
    bytes: int
    payload_bytes: int
    pps: float
    bps: float
    tcp_state: str | None
    rtt_us: int | None
    end_reason: str | None  # "idle", "active", "tcp", "cache_full", "shutdown"; None while it lives
    forward: Direction
    reverse: Direction
    flows: int = 1
    entropy: float | None = None  # of both directions' payload

    @property
    def duration_ns(self) -> int:
        """From the first packet to the last."""
        return self.last_seen - self.first_seen


@dataclass(frozen=True, slots=True)
class HostRate:
    """How much a host sends and receives, bits per second of IP."""

    host: str
    bps: float


@dataclass(frozen=True, slots=True)
class Contacts:
    """How many other hosts, and ports of theirs, a host reaches with live flows that it began; some per cent off."""

    host: str
    hosts: int
    ports: int
    flows: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Who stands out among all live flows, whatever the view shows."""

    top: HostRate | None = None  # the host with the greatest rate
    contacts: tuple[Contacts, ...] = ()  # hosts that began many flows


@dataclass(frozen=True, slots=True)
class ExporterStatus:
    """Where the export of ended flows to one collector stands; ``flows`` were sent, ``lost`` never will be."""

    url: str
    connected: bool = False
    flows: int = 0
    messages: int = 0
    octets: int = 0
    queued: int = 0  # flows that wait to be sent, or for a receipt
    lost: int = 0
    trouble: str = ""  # what went wrong last, a clause; "" = all is well


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A link at one moment."""

    taken_at: int
    interval_s: float
    source: SourceInfo
    totals: Totals
    accounting: Accounting
    lost: Lost
    queues: tuple[Queue, ...]
    packet_size: Histogram
    flow_duration: Histogram
    flow_packets: Histogram
    protocols: tuple[Protocol, ...]
    flows: Sequence[Flow]
    state: CaptureState = CaptureState.RUNNING
    state_text: str = ""  # one line: what ended or broke
    rows_total: int = 0  # flows (or directions) that ``flows`` are the first of
    group: str = "flow"  # what ``groups`` are added up by
    groups: Sequence[Flow] = ()
    groups_total: int = 0
    clock: int = 0  # the source's own time, which ages are counted from: a file's last packet; 0 = taken_at
    flow_filter: str = ""  # what ``flows`` went through; totals are of everything
    flows_matched: int = 0  # flows that it let through, of which ``flows`` are the first
    flows_hidden: int = 0  # flows that it held back
    exporters: tuple[ExporterStatus, ...] = ()
    activity: Activity | None = None  # where it was asked for and looked at this time
    flow_interarrival: Histogram = NO_GAPS  # time between two packets of a flow's direction

    @property
    def rows(self) -> Sequence[Flow]:
        """What the table shows: flows, or groups where they are added up."""
        return self.flows if self.group == "flow" else self.groups

    @property
    def now(self) -> int:
        """The time that flows' ages are counted from, ns."""
        return self.clock or self.taken_at


@dataclass(frozen=True, slots=True)
class View:
    """Which flows a reader wants, and in what order."""

    top: int = 0  # 0 = all
    sort: str = "bytes"  # a key of xtop.model.GROUP_SORT_KEYS
    descending: bool = True
    ended: bool = False  # ended flows too
    group: str = "flow"  # of GROUPS: fills Snapshot.groups
    details: bool = True  # groups have payload, retransmissions, times, RTT, which cost a look at all flows of theirs
    directions: bool = False  # each direction of a flow, and of a pair of hosts, as a row of its own
    filter: str = ""  # an expression of xtop.filter_language; empty lets every flow through
    activity: bool = False  # fills Snapshot.activity every few seconds
    between: bool = False  # asked between two intervals: rates stay those of the look before


SORT_KEYS: tuple[str, ...] = (
    "bytes",
    "packets",
    "bps",
    "pps",
    "payload_bytes",
    "source",
    "destination",
    "source_port",
    "destination_port",
    "protocol",
    "vlan",
    "first_seen",
    "last_seen",
    "duration",
    "rtt",
    "retransmissions",
    "sent",
    "received",
    "sent_bps",
    "received_bps",
    "state",
    "flags",
    "ttl",
    "dscp",
    "entropy",
)
GROUP_SORT_KEYS: tuple[str, ...] = (*SORT_KEYS, "flows")

# What flows can be added up by, in the order of reader.h's READER_GROUP_.
GROUPS: tuple[str, ...] = ("flow", "host", "pair", "port", "protocol", "vlan")
