# SPDX-License-Identifier: BSD-2-Clause
"""The source behind everything that captures: xtop-capture's segment, read through the native reader.

With ``native_filter``, ``native_ipfix`` and ``ended_flows`` the only importer of ``xtop._native``.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xtop._native import ffi, lib
from xtop.activity import ActiveHost, activity_of
from xtop.capture_process import CaptureProcess
from xtop.flow_rows import FlowRows, address_text
from xtop.losses import lost_packets, nic_dropped
from xtop.model import (
    FLOW_DURATION_UPPER,
    FLOW_GAP_UPPER,
    FLOW_PACKETS_UPPER,
    GROUP_SORT_KEYS,
    GROUPS,
    PACKET_SIZE_UPPER,
    Accounting,
    Activity,
    CaptureState,
    Histogram,
    Link,
    Protocol,
    Queue,
    Snapshot,
    SourceInfo,
    Totals,
    View,
)
from xtop.native_filter import native_program
from xtop.protocols import protocol_name
from xtop.rates import Rate, Reading, rate_between
from xtop.screen_rows import ScreenRows
from xtop.settings import CaptureSettings
from xtop.source import SourceError

if TYPE_CHECKING:  # imported where they are used: a snapshot need not wait for them
    from xtop.capture_viewer import CaptureViewer
    from xtop.ended_flows import EndedFlows, Rekey
    from xtop.flow_packets import Bounds

NANOSECONDS = 1_000_000_000
KEY_SIZE = 40  # struct xtop_key
ACTIVITY_EVERY_S = 5.0  # at least: hosts that stand out are looked for this often
ACTIVITY_PACE = 100_000  # live flows for each second between, so that the two looks cost the same share at any number
ACTIVE_HOSTS = 9  # the first by rate, and those that began most flows
KEEP_ENDED = 32768  # ended flows kept of a live capture, 8 MB; of a file, all
COLLECT_EVERY_S = 0.01  # a file's ended flows: its ring must not stay full for long

_KINDS = {lib.XTOP_SOURCE_INTERFACE: "interface", lib.XTOP_SOURCE_FILE: "file", lib.XTOP_SOURCE_DEMO: "demo"}
_SAMPLING_METHODS = {lib.XTOP_SAMPLING_SYSTEMATIC: "systematic", lib.XTOP_SAMPLING_RANDOM: "random"}
_LINKS = {
    lib.XTOP_LINK_NO_CARRIER: "{} has no carrier: nothing can arrive until the other end is there",
    lib.XTOP_LINK_DOWN: "{} is down: nothing arrives (ip link set {} up)",
}
_XDP_MODES = {lib.XTOP_XDP_GENERIC: "generic", lib.XTOP_XDP_NATIVE: "native"}


@dataclass(frozen=True, slots=True)
class CaptureId:
    """Which process captures, and what it says of its sandbox that nobody else can see."""

    pid: int
    interface: bool  # it captures one
    sandboxed_files: bool  # it can open none: Landlock


class ShmSource:
    """A capture, started here or attached to, and a reader of its segment.

    Snapshots stay possible after the capture has ended.
    """

    def __init__(self, process: CaptureProcess | CaptureViewer, settings: CaptureSettings) -> None:
        error = ffi.new("char[]", 256)
        reader = lib.reader_open(process.memfd, error, 256)
        if reader == ffi.NULL:
            raise SourceError(ffi.string(error).decode("utf-8", "replace"), 1)
        self._process = process
        self._reader = ffi.gc(reader, lib.reader_close)
        self._header = lib.reader_header(reader)
        self._over_span = settings.file is not None and not settings.realtime
        self._keep_ended = 0 if settings.file is not None else KEEP_ENDED
        if settings.keep_ended is not None:
            self._keep_ended = settings.keep_ended
        self._followers: list[EndedFlows] = []  # a file waits for them, too
        self._readings: dict[int, Reading] = {}
        self._rates: dict[int, Rate] = {}
        self._counting = self._reader if lib.reader_counts_bytes(reader) else None  # payload bytes by value
        self._activity_at = 0.0  # when hosts that stand out were looked for last; monotonic seconds
        self._activity_phase = lib.READER_ACTIVITY_NONE
        self._flows_live = 0  # in the last look
        self._final = False  # the rates stand as they were when the capture ended
        self._lock = threading.Lock()  # the reader and the process are for one thread at a time
        self._closing = threading.Event()
        self._collector: threading.Thread | None = None
        if settings.lossless_ended:
            self._collector = threading.Thread(target=self._collect_on, name="ended flows", daemon=True)
            self._collector.start()

    @classmethod
    def start(cls, settings: CaptureSettings) -> ShmSource:
        """Start xtop-capture and attach to it; raise SourceError with its own words where it cannot."""
        process = CaptureProcess.start(settings)
        try:
            return cls(process, settings)
        except BaseException:
            process.close()
            raise

    def snapshot(self, view: View) -> Snapshot:
        """Return the present moment; rates are since the previous call, for a file over its span."""
        with self._lock:
            self._process.poll_messages()
            over = self._process.death is not None or self._header.state >= lib.XTOP_STATE_DONE
            self._collect()
            queues = self._queues(over, view.between)
            clock = self._clock(queues)
            result = self._look(view, over, clock)
            return self._assemble(queues, result, view, clock)

    def state(self) -> CaptureState:
        """Return where the capture is, without a look at its flows."""
        with self._lock:
            self._process.poll_messages()
            return self._state()

    def capture_id(self) -> CaptureId:
        """Return which process captures."""
        header = self._header
        on_link = header.source_kind == lib.XTOP_SOURCE_INTERFACE
        return CaptureId(header.pid, on_link, bool(header.sandbox & lib.XTOP_SANDBOX_FILES))

    def tap(self, key: bytes, bounds: Bounds) -> socket.socket:
        """Return a socket on which the packets of the flow of ``key`` arrive, both directions (OSError)."""
        with self._lock:
            nanoseconds = int(bounds.seconds * NANOSECONDS)
            return self._process.tap(key[:KEY_SIZE], bounds.packets, nanoseconds, bounds.bytes)

    def untap(self) -> None:
        """Ask for no more packets."""
        with self._lock:
            self._process.untap()

    def ended_flows(self, flow_filter: str = "", rekey: Rekey | None = None) -> EndedFlows:
        """Return a reader of ended flows for somebody else; what is read of a file waits for it until it is closed."""
        from xtop.ended_flows import EndedFlows

        with self._lock:
            self._followers.append(EndedFlows(self._process.memfd, flow_filter, rekey))
            return self._followers[-1]

    def stop(self) -> None:
        """End the capture and wait until its figures are final. Idempotent."""
        with self._lock:
            self._process.stop()

    def close(self) -> None:
        """Stop, and let go of the process; the last snapshots stay valid. Idempotent."""
        self._closing.set()
        if self._collector is not None:
            self._collector.join()
            self._collector = None
        self._process.close()

    # ---- Ended flows

    def _collect(self) -> None:
        if lib.reader_collect(self._reader, self._keep_ended) < 0:
            raise SourceError("out of memory for ended flows (leave --ended out, or lower --max-flows)", 1)
        if self._collector is not None:
            for queue in range(self._header.queue_count):
                others = [follower.cursor(queue) for follower in self._followers]
                taken = lib.reader_ended_cursor(self._reader, queue)
                self._process.send_cursor(queue, min([taken, *(other for other in others if other is not None)]))

    def _collect_on(self) -> None:
        while not self._closing.wait(COLLECT_EVERY_S):
            with self._lock:
                self._collect()

    # ---- One look

    def _clock(self, queues: list[Any]) -> int:
        """Return what ages are counted from, ns: a file's last packet, or now."""
        if self._header.source_kind == lib.XTOP_SOURCE_FILE:
            return max((queue.time for queue in queues), default=0)
        return time.monotonic_ns() + int(self._header.clock_base)  # the wall clock may have jumped since

    def _look(self, view: View, over: bool, clock: int) -> Any:
        asked = ffi.new("struct reader_view *")
        asked.sort = GROUP_SORT_KEYS.index(view.sort) if view.sort in GROUP_SORT_KEYS else 0
        asked.descending = view.descending
        asked.top = view.top
        asked.ended = view.ended
        asked.group = GROUPS.index(view.group)
        asked.directions = view.directions
        asked.over_span = self._over_span
        asked.over = over
        asked.between = view.between
        asked.activity = self._activity_phase = self._next_phase(view, over)
        asked.now = clock
        program = native_program(view.filter)  # must live as long as the look
        if program is not None:
            asked.filter, asked.filter_count = program, len(program)
        result = ffi.new("struct reader_result *")
        answer = lib.reader_look(self._reader, asked, result)
        if answer == lib.READER_BAD_FILTER:
            raise SourceError(f"the reader refuses the filter '{view.filter}' (a fault of xtop; please report it)", 1)
        if answer < 0:
            raise SourceError("out of memory for the flow rows (ask for fewer with --top)", 1)
        self._flows_live = result.flows_live
        return result

    def _next_phase(self, view: View, over: bool) -> int:
        """Return what this look does about hosts that stand out: every few seconds two looks in a row find them."""
        if not view.activity or view.between or over:
            return int(lib.READER_ACTIVITY_NONE)
        if self._activity_phase == lib.READER_ACTIVITY_COUNT:
            return int(lib.READER_ACTIVITY_NAME)
        if time.monotonic() - self._activity_at < max(ACTIVITY_EVERY_S, self._flows_live / ACTIVITY_PACE):
            return int(lib.READER_ACTIVITY_NONE)
        self._activity_at = time.monotonic()
        return int(lib.READER_ACTIVITY_COUNT)

    def _activity(self, interval_ns: int) -> Activity | None:
        """Return who stands out, where this look has found it."""
        if self._activity_phase != lib.READER_ACTIVITY_NAME:
            return None
        hosts = ffi.new("struct reader_host[]", ACTIVE_HOSTS)
        count = lib.reader_active_hosts(self._reader, hosts, ACTIVE_HOSTS)
        return activity_of([_active_host(hosts[index]) for index in range(count)], interval_ns)

    def _queues(self, over: bool, between: bool) -> list[Any]:
        """Copy every queue's counters, and take their rates, unless those before shall stand."""
        copies = []
        for number in range(self._header.queue_count):
            queue = ffi.new("struct xtop_queue *")
            lib.reader_queue(self._reader, number, queue)
            copies.append(queue)
        if self._over_span:
            self._rates = {number: _span_rate(queue) for number, queue in enumerate(copies)}
        elif not self._final and not (between and self._rates and not over):
            now = time.monotonic_ns()
            for number, queue in enumerate(copies):
                reading = Reading(now, queue.received, queue.received_bytes, queue.busy_ns)
                before = self._readings.get(number, Reading(now - _age(queue)))
                self._rates[number] = rate_between(before, reading)
                self._readings[number] = reading
        self._final = over
        return copies

    # ---- The snapshot

    def _assemble(self, queues: list[Any], result: Any, view: View, clock: int) -> Snapshot:
        flows = FlowRows(
            ffi, lib, _owned(result.row), result.row_count, result.interval_ns, "", view.directions, self._counting
        )
        paired = view.directions and view.group == "pair"
        groups = FlowRows(ffi, lib, _owned(result.group), result.group_count, result.interval_ns, view.group, paired)
        accounting = _sum_accounting(queues)
        return Snapshot(
            taken_at=time.time_ns(),
            clock=clock,
            interval_s=result.interval_ns / NANOSECONDS,
            source=self._source_info(queues),
            totals=self._totals(queues, result, accounting),
            accounting=accounting,
            lost=lost_packets(queues, nic_dropped(self._header)),
            queues=tuple(self._queue(queue, self._rates[number]) for number, queue in enumerate(queues)),
            packet_size=Histogram("bytes", PACKET_SIZE_UPPER, _sum_arrays([queue.packet_size for queue in queues])),
            flow_duration=Histogram(
                "s", FLOW_DURATION_UPPER, _sum_arrays([queue.ended_duration for queue in queues] + [result.duration])
            ),
            flow_packets=Histogram(
                "packets", FLOW_PACKETS_UPPER, _sum_arrays([queue.ended_packets for queue in queues] + [result.packets])
            ),
            flow_interarrival=Histogram("s", FLOW_GAP_UPPER, _gaps(_sum_arrays([queue.gap for queue in queues]))),
            protocols=_protocols([queue.ended_protocol for queue in queues] + [result.protocol]),
            flows=ScreenRows(flows) if view.top else flows,  # a screen's few rows are looked at again and again
            rows_total=result.rows,
            group=view.group,
            groups=ScreenRows(groups) if view.top else groups,
            groups_total=result.groups,
            flow_filter=view.filter,
            flows_matched=result.matched,
            flows_hidden=result.hidden,
            activity=self._activity(result.interval_ns),
            state=self._state(),
            state_text=self._process.death or _text(self._header.state_text),
        )

    def _state(self) -> CaptureState:
        if self._process.death is not None:
            return CaptureState.FAILED
        return CaptureState(self._header.state)

    def _source_info(self, queues: list[Any]) -> SourceInfo:
        header = self._header
        native = header.link[0 : header.link_count]
        links = [_link(link, [queue for queue in queues if queue.link == at]) for at, link in enumerate(native)]
        return SourceInfo(
            kind=_KINDS.get(header.source_kind, "interface"),
            name=_text(header.source_name),
            capture=_joined(link.capture for link in links) or "",
            xdp_mode=_joined(link.xdp_mode for link in links),
            zero_copy=all(link.zero_copy for link in links),
            queues=header.queue_count,
            sampling=header.sampling,
            sampling_method=_SAMPLING_METHODS.get(header.sampling_method),
            filter=_text(header.filter) or None,
            driver=_joined(link.driver for link in links),
            ring_size=max(link.ring_size for link in links),
            ifindex=links[0].ifindex,
            reason=links[0].reason if len(links) == 1 else _sentences((link.name, link.reason) for link in links),
            byte_histogram=self._counting is not None,
            notes=tuple(note for link in native for note in self._notes(link)),
            links=tuple(links) if header.source_kind == lib.XTOP_SOURCE_INTERFACE else (),
        )

    def _notes(self, link: Any) -> list[str]:
        """Return what the capture noted of ``link`` when it began and, at the end, what it is like now."""
        name = _text(link.name)
        noted = [line for line in _text(link.notes).split("\n") if line]
        if link.state == lib.XTOP_LINK_OVER:
            noted.append(f"nothing comes from {name} any more: {_text(link.failure)}")
        elif link.state in _LINKS:
            noted.append(_LINKS[link.state].replace("{}", name))
        several = self._header.link_count > 1
        return [f"{name}: {note}" if several and name not in note else note for note in noted]

    def _queue(self, queue: Any, rate: Rate) -> Queue:
        name = _text(self._header.link[queue.link % lib.XTOP_MAX_LINKS].name)
        return _queue(queue, rate, name or None)

    def _totals(self, queues: list[Any], result: Any, accounting: Accounting) -> Totals:
        return Totals(
            packets=accounting.received,
            bytes=sum(queue.received_bytes for queue in queues),
            pps=sum(rate.pps for rate in self._rates.values()),
            bps=sum(rate.bps for rate in self._rates.values()),
            flows_live=result.flows_live,
            flows_created=sum(queue.flows_created for queue in queues),
            flows_ended=sum(queue.flows_ended for queue in queues),
            flows_evicted=sum(queue.flows_evicted for queue in queues),
            length_mismatch=sum(queue.length_mismatch for queue in queues),
            too_deep=sum(queue.too_deep for queue in queues),
            byte_histograms_full=sum(queue.byte_histograms_full for queue in queues),
        )


def _active_host(host: Any) -> ActiveHost:
    address = address_text(host.ip_version, bytes(ffi.buffer(host.address)))
    return ActiveHost(address, host.flows, host.host_bits, host.port_bits, host.rate_bytes)


def _owned(rows: Any) -> Any:
    """Let Python give ``rows`` back when nobody looks at them any more."""
    return rows if rows == ffi.NULL else ffi.gc(rows, lib.reader_rows_free)


def _text(field: Any) -> str:
    return str(ffi.string(field).decode("utf-8", "replace"))


def _age(queue: Any) -> int:
    """How long a queue has had traffic, ns: what its first rates are over."""
    return max(1, queue.time - queue.first_time) if queue.first_time else 1


def _span_rate(queue: Any) -> Rate:
    return rate_between(
        Reading(queue.first_time), Reading(queue.time, queue.received, queue.received_bytes, queue.busy_ns)
    )


def _accounting(queue: Any) -> Accounting:
    return Accounting(
        received=queue.received,
        accounted=queue.accounted,
        non_ip=queue.non_ip,
        malformed=queue.malformed,
        filtered=queue.filtered,
        sampled_out=queue.sampled_out,
        table_full=queue.table_full,
        duplicates=queue.duplicates,
    )


def _sum_accounting(queues: list[Any]) -> Accounting:
    each = [_accounting(queue) for queue in queues]
    names = ("received", "accounted", "non_ip", "malformed", "filtered", "sampled_out", "table_full", "duplicates")
    return Accounting(**{name: sum(getattr(one, name) for one in each) for name in names})


def _link(link: Any, queues: list[Any]) -> Link:
    return Link(
        name=_text(link.name),
        capture=_text(link.capture),
        xdp_mode=_XDP_MODES.get(link.xdp_mode),
        zero_copy=bool(link.zero_copy),
        queues=link.queue_count,
        driver=_text(link.driver) or None,
        ring_size=link.ring_size,
        ifindex=link.ifindex,
        reason=_text(link.reason) or None,
        lost=lost_packets(queues, link.nic_dropped),
    )


def _joined(words: Iterable[str | None]) -> str | None:
    """Return the words that there are, each once, with commas."""
    return ",".join(dict.fromkeys(word for word in words if word)) or None


def _sentences(about: Iterable[tuple[str, str | None]]) -> str | None:
    """Return what is said, each after whom it is about."""
    return "; ".join(f"{name}: {text}" for name, text in about if text) or None


def _queue(queue: Any, rate: Rate, interface: str | None) -> Queue:
    return Queue(
        queue=queue.queue,
        cpu=queue.cpu if queue.cpu >= 0 else None,
        packets=queue.received,
        bytes=queue.received_bytes,
        pps=rate.pps,
        bps=rate.bps,
        busy=rate.busy,
        rx_dropped=queue.rx_dropped,
        rx_ring_full=queue.rx_ring_full,
        rx_fill_ring_empty=queue.rx_fill_ring_empty,
        rx_invalid_descs=queue.rx_invalid_descs,
        ring=queue.ring_dropped,
        accounting=_accounting(queue),
        interface=interface,
    )


def _sum_arrays(arrays: list[Any]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(ffi.unpack(array, len(array)) for array in arrays), strict=True)))


def _gaps(bins: tuple[int, ...]) -> tuple[int, ...]:
    """Return the segment's bins, the shortest two in one, and the longest but the last, which is no gap."""
    return (sum(bins[:2]), *bins[2:8], sum(bins[8:-1]))


def _protocols(tables: list[Any]) -> tuple[Protocol, ...]:
    """Return the protocols that were seen, the one with most bytes first."""
    seen = []
    for number in range(256):
        packets = sum(table[number].packets for table in tables)
        if packets:
            total, flows = (sum(getattr(table[number], name) for table in tables) for name in ("bytes", "flows"))
            seen.append(Protocol(protocol_name(number), packets, total, flows))
    return tuple(sorted(seen, key=lambda protocol: -protocol.bytes))
