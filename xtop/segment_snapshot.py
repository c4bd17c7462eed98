# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot out of what one look into a segment brought."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xtop._native import ffi, lib
from xtop.flow_rows import FlowRows
from xtop.losses import lost_packets, nic_dropped
from xtop.model import (
    FLOW_DURATION_UPPER,
    FLOW_GAP_UPPER,
    FLOW_PACKETS_UPPER,
    PACKET_SIZE_UPPER,
    Accounting,
    Activity,
    CaptureState,
    Histogram,
    Snapshot,
    Totals,
    View,
)
from xtop.queue_counters import queue_value, sum_accounting, sum_arrays, sum_protocols
from xtop.rates import Rate
from xtop.screen_rows import ScreenRows
from xtop.segment_header import queue_link, source_info
from xtop.units import NANOSECONDS


class Look(NamedTuple):
    """What one look brought."""

    view: View
    clock: int  # what ages are counted from, ns
    queues: Sequence[Any]  # struct xtop_queue, copies
    rates: Mapping[int, Rate]  # theirs
    result: Any  # struct reader_result, whose rows nobody else has
    activity: Activity | None
    counting: Any  # the reader, where payload bytes are counted by value


def snapshot_of(look: Look, header: Any, state: CaptureState, state_text: str) -> Snapshot:
    """Return ``look`` as values; ``header`` is the segment's."""
    queues, result, view = look.queues, look.result, look.view
    accounting = sum_accounting(queues)
    return Snapshot(
        taken_at=time.time_ns(),
        clock=look.clock,
        interval_s=result.interval_ns / NANOSECONDS,
        source=source_info(header, queues, look.counting is not None),
        totals=_totals(look, accounting),
        accounting=accounting,
        lost=lost_packets(queues, nic_dropped(header)),
        queues=tuple(queue_value(queue, look.rates[at], queue_link(header, queue)) for at, queue in enumerate(queues)),
        packet_size=Histogram("bytes", PACKET_SIZE_UPPER, sum_arrays([queue.packet_size for queue in queues])),
        flow_duration=Histogram("s", FLOW_DURATION_UPPER, _every(queues, "ended_duration", result.duration)),
        flow_packets=Histogram("packets", FLOW_PACKETS_UPPER, _every(queues, "ended_packets", result.packets)),
        flow_interarrival=Histogram("s", FLOW_GAP_UPPER, _gaps(sum_arrays([queue.gap for queue in queues]))),
        protocols=sum_protocols([queue.ended_protocol for queue in queues] + [result.protocol]),
        flows=_flows(look),
        rows_total=result.rows,
        group=view.group,
        groups=_groups(look),
        groups_total=result.groups,
        flow_filter=view.filter,
        flows_matched=result.matched,
        flows_hidden=result.hidden,
        activity=look.activity,
        state=state,
        state_text=state_text,
    )


def _flows(look: Look) -> FlowRows | ScreenRows:
    result, view = look.result, look.view
    rows = FlowRows(
        ffi, lib, _owned(result.row), result.row_count, result.interval_ns, "", view.directions, look.counting
    )
    return ScreenRows(rows) if view.top else rows  # a screen's few rows are looked at again and again


def _groups(look: Look) -> FlowRows | ScreenRows:
    result, view = look.result, look.view
    paired = view.directions and view.group == "pair"
    rows = FlowRows(ffi, lib, _owned(result.group), result.group_count, result.interval_ns, view.group, paired)
    return ScreenRows(rows) if view.top else rows


def _owned(rows: Any) -> Any:
    """Let Python give ``rows`` back when nobody looks at them any more."""
    return rows if rows == ffi.NULL else ffi.gc(rows, lib.reader_rows_free)


def _totals(look: Look, accounting: Accounting) -> Totals:
    queues = look.queues
    return Totals(
        packets=accounting.received,
        bytes=sum(queue.received_bytes for queue in queues),
        pps=sum(rate.pps for rate in look.rates.values()),
        bps=sum(rate.bps for rate in look.rates.values()),
        flows_live=look.result.flows_live,
        flows_created=sum(queue.flows_created for queue in queues),
        flows_ended=sum(queue.flows_ended for queue in queues),
        flows_evicted=sum(queue.flows_evicted for queue in queues),
        length_mismatch=sum(queue.length_mismatch for queue in queues),
        too_deep=sum(queue.too_deep for queue in queues),
        byte_histograms_full=sum(queue.byte_histograms_full for queue in queues),
    )


def _every(queues: Sequence[Any], ended: str, live: Any) -> tuple[int, ...]:
    """Return a histogram of all flows: those that ``ended``, by the queues' counters, and those that ``live``."""
    return sum_arrays([*(getattr(queue, ended) for queue in queues), live])


def _gaps(bins: tuple[int, ...]) -> tuple[int, ...]:
    """Return the segment's bins, the shortest two in one, and the longest but the last, which is no gap."""
    return (sum(bins[:2]), *bins[2:8], sum(bins[8:-1]))
