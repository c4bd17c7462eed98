# SPDX-License-Identifier: BSD-2-Clause
"""A source of snapshots that follows a script: the same seed and the same number of calls give the same figures.

It speaks :class:`xtop.source.SnapshotSource` and keeps the conservation law, unless told to break it. Each call is one
interval later than the last; nothing else moves its clock.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from random import Random

from tests.screen.scripted_groups import directions, grouped, with_rates, without_details
from xtop.columns import ordered
from xtop.filter_language.compiler import compile_filter
from xtop.filter_language.rows import matching
from xtop.model import (
    FLOW_DURATION_UPPER,
    FLOW_GAP_UPPER,
    FLOW_PACKETS_UPPER,
    PACKET_SIZE_UPPER,
    Accounting,
    Activity,
    CaptureState,
    Contacts,
    Direction,
    Flow,
    Histogram,
    HostRate,
    Lost,
    Protocol,
    Queue,
    Snapshot,
    SourceInfo,
    Totals,
    Tunnel,
    View,
)
from xtop.source import SourceError

START = 1_769_860_800_000_000_000  # 2026-01-31T12:00:00Z
SECOND = 1_000_000_000
FRAME_SIZES = (64, 128, 256, 512, 1024, 1518, 9216)
NAMES = {6: "TCP", 17: "UDP", 1: "ICMP", 58: "ICMPv6", 47: "GRE"}


@dataclass
class Script:
    """What the source plays. Calls are counted from 0; a step that is None never comes."""

    flows: int = 400
    queues: int = 4  # of all interfaces together
    interfaces: tuple[str, ...] = ("eth1",)
    loss: bool = False
    silent_until: int = 0  # calls without a packet
    rights_missing: bool = False
    done_at: int | None = None
    failed_at: int | None = None
    raises_at: int | None = None
    breach: bool = False
    steady: bool = False  # rates do not move, totals do
    scan_at: int | None = None  # from here on a host touches many others
    bytes: bool = False  # payload bytes are counted by value
    bytes_full: bool = False  # and more flows come than are counted
    kind: str = "interface"
    notes: tuple[str, ...] = ()
    sampling: int = 1
    seed: int = 7


class CountedRows(tuple[Flow, ...]):
    """Rows whose payload is text one way and noise the other."""

    __slots__ = ()

    def byte_counts(self, index: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return 256 counts, forward and reverse."""
        text = [(37 * value % 29) * 40 * (32 <= value < 127) for value in range(256)]
        return tuple(text), tuple(9000 + value * 7919 % 211 for value in range(256))


class ScriptedSource:
    """Plays a :class:`Script`."""

    def __init__(self, script: Script | None = None, interval_s: float = 1.0) -> None:
        self.script = script or Script()
        self.calls = 0
        self.views: list[View] = []
        self.stopped = False
        self.closed = False
        self._interval = interval_s
        self._random = Random(self.script.seed)
        self._flows = [self._flow(index) for index in range(self.script.flows)]
        self._packets = self._bytes = 0
        self._queues = [Queue(index, 2 + index, busy=0.0) for index in range(self.script.queues)]

    def snapshot(self, view: View) -> Snapshot:
        """Return the next step of the script."""
        self.views.append(view)
        if view.between:  # the same moment, looked at otherwise
            return self._as_snapshot(max(0, self.calls - 1), view)
        call, script = self.calls, self.script
        self.calls += 1
        if script.rights_missing:
            raise SourceError(
                "cannot open an AF_XDP socket on eth1 (CAP_NET_RAW and CAP_BPF are missing; run as root or: sudo setcap"
                " cap_net_raw,cap_net_admin,cap_bpf+ep /usr/bin/xtop-capture)",
                3,
            )
        if script.raises_at is not None and call >= script.raises_at:
            raise SourceError("eth1 cannot be read any more (it was removed; plug it in and start xtop again)")
        if call >= script.silent_until and not self._over(call):
            self._step(call)
        return self._as_snapshot(call, view)

    def state(self) -> CaptureState:
        """Return the state of the step shown last."""
        return self._state(self.calls)[0]

    def leave(self) -> None:
        """Be ready to end."""

    def stop(self) -> None:
        """End."""
        self.stopped = True

    def close(self) -> None:
        """Let go."""
        self.stop()
        self.closed = True

    def _over(self, call: int) -> bool:
        ends = [at for at in (self.script.done_at, self.script.failed_at) if at is not None]
        return bool(ends) and call > min(ends)

    def _flow(self, index: int) -> Flow:
        pick = self._random
        protocol = pick.choices((6, 17, 1, 58, 47), (70, 22, 3, 3, 2))[0]
        version = 6 if protocol == 58 or (protocol != 1 and pick.random() < 0.25) else 4
        if version == 6:
            source = f"2001:db8:{pick.randrange(1, 65536):x}:{pick.randrange(65536):x}::{pick.randrange(1, 65536):x}"
            destination = f"2001:db8:ffff:{pick.randrange(16):x}:a00:27ff:fe{pick.randrange(256):02x}:{index:x}"
        else:
            source = f"10.{pick.randrange(256)}.{pick.randrange(256)}.{pick.randrange(1, 255)}"
            destination = f"198.51.{pick.randrange(90, 111)}.{pick.randrange(1, 255)}"
        ports = protocol in (6, 17)
        bps = 2.2e9 / (index + 1) ** 1.1
        packet = pick.choice((90, 420, 940, 1400))
        first = START - pick.randrange(1, 4000) * SECOND // pick.choice((1, 10, 100))
        ended = index % 11 == 10
        return Flow(
            key=index.to_bytes(4, "big"), flow_id=index * 2654435761 % 2**32, ip_version=version,
            source=source, destination=destination,
            source_port=pick.randrange(32768, 61000) if ports else 0,
            destination_port=pick.choice((443, 53, 22, 8080, 51820)) if ports else 2048 if protocol in (1, 58) else 0,
            protocol=protocol, protocol_name=NAMES[protocol], vlan=pick.choice((0, 0, 12, 208)),
            tunnel=pick.choice((None, None, None, Tunnel("vxlan", 5001))), first_seen=first, last_seen=START,
            packets=0, bytes=0, payload_bytes=0, pps=bps / 8 / packet, bps=bps,
            tcp_state=pick.choice(("established", "established", "syn_ack", "fin")) if protocol == 6 else None,
            rtt_us=pick.randrange(80, 90000) if protocol == 6 else None,
            end_reason=pick.choice(("idle", "tcp", "active", "cache_full")) if ended else None,
            forward=Direction(tcp_flags=26 if protocol == 6 else 0, ttl_min=64, ttl_max=64, retransmissions=index % 4),
            reverse=Direction(tcp_flags=18 if protocol == 6 else 0, ttl_min=57, ttl_max=58, dscp=10),
        )  # fmt: skip

    def _step(self, call: int) -> None:
        for index, flow in enumerate(self._flows):
            if flow.end_reason and call > self.script.silent_until:
                self._flows[index] = replace(flow, pps=0.0, bps=0.0)
                continue
            swing = 1.0 if self.script.steady else self._random.uniform(0.75, 1.3)
            bps = max(40.0, flow.bps * swing) if not self.script.steady else flow.bps
            pps = flow.pps * bps / flow.bps if flow.bps else 0.0
            packets, size = max(1, int(pps * self._interval)), int(bps / 8 * self._interval)
            self._flows[index] = replace(
                flow, bps=bps, pps=pps, packets=flow.packets + packets, bytes=flow.bytes + size,
                payload_bytes=flow.payload_bytes + size * 9 // 10, last_seen=START + call * SECOND,
                forward=_more(flow.forward, packets // 3, size // 9),
                reverse=_more(flow.reverse, packets - packets // 3, size - size // 9),
            )  # fmt: skip
            self._packets += packets
            self._bytes += size

    def _lost(self, call: int) -> Lost:
        if not self.script.loss:
            return Lost()
        return Lost(rx_ring_full=1200 * (call + 1), rx_fill_ring_empty=37 * (call + 1), nic=51)

    def _queue(self, index: int, total: Totals, lost: Lost) -> Queue:
        part = (1.1, 0.96, 1.02, 0.92)[index % 4] / self.script.queues
        first = index == 0
        busy = min(1.0, 0.7 * part * self.script.queues) if total.packets else 0.0
        interface, number = divmod(index, -(-self.script.queues // len(self.script.interfaces)))
        return Queue(
            number, None if self.script.kind == "file" else 2 + index, int(total.packets * part),
            int(total.bytes * part), total.pps * part, total.bps * part, busy,
            rx_ring_full=lost.rx_ring_full if first else 0, rx_fill_ring_empty=lost.rx_fill_ring_empty if first else 0,
            interface=None if self.script.kind == "file" else self.script.interfaces[interface],
        )  # fmt: skip

    def _state(self, call: int) -> tuple[CaptureState, str]:
        if self.script.failed_at is not None and call >= self.script.failed_at:
            return CaptureState.FAILED, "eth1 is gone (the kernel removed it; plug it in and start xtop again)"
        if self.script.done_at is not None and call >= self.script.done_at:
            return CaptureState.DONE, "the file ends here"
        return CaptureState.RUNNING, ""

    def _as_snapshot(self, call: int, view: View) -> Snapshot:
        silent = self._packets == 0
        every = [] if silent else [flow for flow in self._flows if view.ended or not flow.end_reason]
        flows = matching(compile_filter(view.filter), every, START + call * SECOND)
        shown = directions(flows) if view.directions else [with_rates(flow) for flow in flows]
        rows = ordered(shown, view.sort if view.sort != "flows" else "bps", view.descending)
        groups = () if view.group == "flow" else ordered(
            grouped(flows, view.group, split=view.directions), view.sort, view.descending, view.group
        )  # fmt: skip
        if not view.details:
            groups = tuple(without_details(group) for group in groups)
        outside = 0 if silent else 4711 + 13 * call
        received = self._packets + outside + 217 * (not silent)
        totals = Totals(
            packets=received, bytes=self._bytes + 14 * self._packets,
            pps=0.0 if silent else sum(flow.pps for flow in self._flows),
            bps=0.0 if silent else sum(flow.bps for flow in self._flows),
            flows_live=0 if silent else sum(not flow.end_reason for flow in self._flows),
            flows_created=0 if silent else len(self._flows),
            flows_ended=0 if silent else sum(bool(flow.end_reason) for flow in self._flows),
            byte_histograms_full=1234 * (call + 1) if self.script.bytes_full else 0,
        )  # fmt: skip
        lost = self._lost(call)
        state, text = self._state(call)
        return Snapshot(
            taken_at=START + call * int(self._interval * SECOND), interval_s=self._interval, source=self._info(),
            totals=totals, lost=lost,
            accounting=Accounting(received + 12 * self.script.breach, self._packets, outside, 217 * (not silent)),
            queues=tuple(self._queue(index, totals, lost) for index in range(self.script.queues)),
            packet_size=_histogram("bytes", PACKET_SIZE_UPPER, (610, 50, 40, 30, 90, 1170, 10, 0), self._packets),
            flow_duration=_histogram("s", FLOW_DURATION_UPPER, (90, 160, 300, 210, 90, 30, 9), totals.flows_ended),
            flow_packets=_histogram("packets", FLOW_PACKETS_UPPER, (40, 90, 200, 300, 150, 60, 9), totals.flows_ended),
            flow_interarrival=_histogram("s", FLOW_GAP_UPPER, (80, 310, 260, 190, 90, 50, 20), self._packets),
            protocols=() if silent else _protocols(self._flows),
            flows=self._shown(rows[: view.top] if view.top else rows),
            flow_filter=view.filter, flows_matched=len(flows), flows_hidden=len(every) - len(flows),
            rows_total=len(rows), group=view.group, groups=groups, groups_total=len(groups),
            state=state, state_text=text, activity=self._activity(call) if view.activity else None,
        )  # fmt: skip

    def _shown(self, rows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        if not self.script.bytes:
            return rows
        return CountedRows(
            replace(
                flow,
                entropy=7.6,
                forward=replace(flow.forward, entropy=4.81),
                reverse=replace(flow.reverse, entropy=7.99),
            )
            for flow in rows
        )

    def _activity(self, call: int) -> Activity:
        scans = self.script.scan_at is not None and call >= self.script.scan_at
        contacts = (Contacts("10.66.6.66", 1840, 1, 1861),) if scans else ()
        return Activity(HostRate("10.0.0.1", 1.0), contacts)

    def _info(self) -> SourceInfo:
        if self.script.kind == "file":
            return SourceInfo("file", "lunch.pcapng", "file", queues=self.script.queues)
        sampling = self.script.sampling
        return SourceInfo(
            "interface", ",".join(self.script.interfaces), "af_xdp", "native", True, self.script.queues,
            driver="ixgbe", ring_size=2048, notes=self.script.notes,
            byte_histogram=self.script.bytes, sampling=sampling, sampling_method="random" if sampling > 1 else None,
        )  # fmt: skip


def _more(side: Direction, packets: int, size: int) -> Direction:
    """Add packets of which a quarter bears no payload and the others are of one size."""
    small, before = packets // 4, side.packet_size or (0,) * (len(FRAME_SIZES) + 1)
    usual = bisect_left(FRAME_SIZES, size // max(1, packets) + 14)
    added = {0: small, usual: packets - small} if usual else {0: packets}
    return replace(
        side, packets=side.packets + packets, bytes=side.bytes + size,
        payload_bytes=side.payload_bytes + size * 9 // 10,
        packet_size=tuple(count + added.get(index, 0) for index, count in enumerate(before)),
    )  # fmt: skip


def _histogram(unit: str, upper: tuple[float | None, ...], parts: tuple[int, ...], total: int) -> Histogram:
    return Histogram(
        unit, upper, tuple(part * total // sum(parts) for part in (*parts, *(0,) * (len(upper) - len(parts))))
    )


def _protocols(flows: list[Flow]) -> tuple[Protocol, ...]:
    names = dict.fromkeys(flow.protocol_name for flow in flows)
    found = []
    for name in names:
        mine = [flow for flow in flows if flow.protocol_name == name]
        found.append(Protocol(name, sum(f.packets for f in mine), sum(f.bytes for f in mine), len(mine)))
    return tuple(found)
