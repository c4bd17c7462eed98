# SPDX-License-Identifier: BSD-2-Clause
"""The source behind everything that captures: xtop-capture's segment, read through the native reader."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from xtop._native import ffi, lib
from xtop.activity_looks import ActivityLooks
from xtop.capture_process import CaptureProcess
from xtop.model import GROUP_SORT_KEYS, GROUPS, CaptureState, Snapshot, View
from xtop.native_filter import native_program
from xtop.process_state import is_stopped
from xtop.queue_counters import QueueCounters
from xtop.segment_header import text_of
from xtop.segment_snapshot import Look, snapshot_of
from xtop.settings import CaptureSettings
from xtop.source import SourceError
from xtop.units import NANOSECONDS

if TYPE_CHECKING:  # imported where they are used: a snapshot need not wait for them
    from xtop.capture_viewer import CaptureViewer
    from xtop.ended_flows import EndedFlows, Rekey
    from xtop.flow_packets import Bounds

KEY_SIZE = 40  # struct xtop_key
KEEP_ENDED = 16384  # ended flows kept of a live capture where nobody asks for more, 4.5 MB; of a file, all
FLOWS_PER_THREAD = 32768  # of a look that is waited for
COLLECT_EVERY_S = 0.01  # a file's ended flows: its ring must not stay full for long


class CaptureId(NamedTuple):
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
        self._expected = settings.expected
        if self._expected is not None:
            self._expect(self._expected)
        self._followers: list[EndedFlows] = []  # a file waits for them, too
        self._counters = QueueCounters(self._reader, self._over_span)
        self._counting = self._reader if lib.reader_counts_bytes(reader) else None  # payload bytes by value
        self._activity = ActivityLooks(self._reader)
        self._flows_live = 0  # in the last look
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
            ended = self._header.state >= lib.XTOP_STATE_DONE
            killed = self._process.death is not None and not ended  # in the middle of an interval
            over = ended or killed
            self._collect()
            queues = self._counters.look(over, stand=killed or (view.between and not over))
            clock = self._clock(queues)
            result = self._look(view, over, clock)
            activity = self._activity.found(result.interval_ns)
            look = Look(view, clock, queues, self._counters.rates, result, activity, self._counting)
            return snapshot_of(look, self._header, self._state(), self._state_text())

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

    def leave(self) -> None:
        """Let the capture end; `close` waits until it has. A look that is under way is not waited for."""
        self._process.leave()

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

    def _expect(self, view: View) -> None:
        asked, _program = self._asked(view)
        if lib.reader_expect(self._reader, asked) < 0:
            raise SourceError("out of memory for ended flows (ask for fewer with --top)", 1)

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

    def _threads(self) -> int:
        """Return how many threads a look that is waited for is worth: few flows are seen before a thread has begun."""
        return min(len(os.sched_getaffinity(0)), self._flows_live // FLOWS_PER_THREAD)

    def _asked(self, view: View) -> tuple[Any, Any]:
        """Return ``view`` as the reader takes it, and what must live as long: its filter."""
        asked = ffi.new("struct reader_view *")
        asked.sort = GROUP_SORT_KEYS.index(view.sort) if view.sort in GROUP_SORT_KEYS else 0
        asked.descending = view.descending
        asked.top = view.top
        asked.ended = view.ended
        asked.group = GROUPS.index(view.group)
        asked.details = view.details
        asked.directions = view.directions
        asked.over_span = self._over_span
        asked.between = view.between
        program = native_program(view.filter)
        if program is not None:
            asked.filter, asked.filter_count = program, len(program)
        return asked, program

    def _look(self, view: View, over: bool, clock: int) -> Any:
        if view.ended and self._expected is not None and view != self._expected:
            raise ValueError("ended flows were to be asked for by another view")
        asked, _program = self._asked(view)
        asked.over = over
        asked.threads = self._threads() if view.between else 1
        asked.activity = self._activity.next_phase(view, over, self._flows_live)
        asked.now = clock
        result = ffi.new("struct reader_result *")
        answer = lib.reader_look(self._reader, asked, result)
        if answer == lib.READER_BAD_FILTER:
            raise SourceError(f"the reader refuses the filter '{view.filter}' (a fault of xtop; please report it)", 1)
        if answer < 0:
            raise SourceError("out of memory for the flow rows (ask for fewer with --top)", 1)
        self._flows_live = result.flows_live
        return result

    def _state(self) -> CaptureState:
        if self._process.death is not None:
            return CaptureState.FAILED
        return CaptureState(self._header.state)

    def _state_text(self) -> str:
        said = self._process.death or text_of(self._header.state_text)
        pid = int(self._header.pid)
        if not said and self._header.state < lib.XTOP_STATE_DONE and is_stopped(pid):
            return f"xtop-capture is stopped and counts nothing (kill -CONT {pid} resumes it)"
        return said
