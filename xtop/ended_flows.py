# SPDX-License-Identifier: BSD-2-Clause
"""Ended flows of a running capture, each once: a reader of its own over the capture's segment, with its own cursor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from xtop._native import ffi, lib
from xtop.losses import lost_packets, nic_dropped
from xtop.native_filter import native_program
from xtop.native_ipfix import NativeFlows
from xtop.source import SourceError

Rekey = Callable[[bytes], bytes]  # a flow's key, the bytes of struct xtop_key, to what stands for it

MOST = 4096  # flows that are taken at a time


class EndedFlows:
    """Those that ``flow_filter`` lets through, by what ``rekey`` makes of their keys.

    ``close`` it, or a capture of a file waits for ever.
    Used by one thread, but for ``cursor`` and ``lost``.
    """

    def __init__(self, memfd: int, flow_filter: str = "", rekey: Rekey | None = None) -> None:
        error = ffi.new("char[]", 256)
        reader = lib.reader_open(memfd, error, 256)
        if reader == ffi.NULL:
            raise SourceError(ffi.string(error).decode("utf-8", "replace"), 1)
        self._reader = ffi.gc(reader, lib.reader_close)
        self._rekey = rekey
        self._program = native_program(flow_filter)
        self._records = ffi.new("struct xtop_record[]", MOST)
        self._cursors = [0] * lib.reader_header(reader).queue_count
        self.lost = 0  # flows that the capture's ring had no room for until we came
        self.closed = False
        self.awaited = True  # what is read of a file waits for us

    def take(self, room: int) -> NativeFlows:
        """Return the next flows, ``room`` of them at most; none: there is none. They stay until the next call."""
        kept = 0
        while not kept and (taken := lib.reader_take_ended(self._reader, self._records, min(room, MOST))):
            kept = taken if self._program is None else self._filter(taken)
        self._cursors = [lib.reader_ended_cursor(self._reader, queue) for queue in range(len(self._cursors))]
        self.lost = lib.reader_ended_lost(self._reader)
        self._change_keys(self._records, kept)
        return NativeFlows(self._records, ffi.sizeof("struct xtop_record"), kept)

    def _change_keys(self, records: Any, count: int) -> None:
        if self._rekey is not None:
            for at in range(count):
                key = ffi.buffer(ffi.addressof(records[at], "key"))
                key[:] = self._rekey(key[:])

    def _filter(self, taken: int) -> int:
        program = self._program
        return int(lib.reader_filter_ended(program, len(program), self._now(), self._records, taken))

    def _now(self) -> int:
        """What ages are counted from, ns: a file's last packet, or now."""
        if lib.reader_header(self._reader).source_kind != lib.XTOP_SOURCE_FILE:
            return time.time_ns()
        return max((queue.time for queue in self._queues()), default=0)

    def _queues(self) -> list[Any]:
        queues = [ffi.new("struct xtop_queue *") for _ in self._cursors]
        for number, queue in enumerate(queues):
            lib.reader_queue(self._reader, number, queue)
        return queues

    def cursor(self, queue: int) -> int | None:
        """Return how many ended flows of ``queue`` were taken or lost; None: nobody is to wait for us."""
        return self._cursors[queue] if self.awaited and not self.closed else None

    def packets_lost(self) -> int:
        """Return how many packets never reached the capture."""
        return lost_packets(self._queues(), nic_dropped(lib.reader_header(self._reader))).total

    def living(self) -> Iterator[NativeFlows]:
        """Yield the flows that have not ended, each whole, of a capture at rest, a few at a time (SourceError: memory).

        Those of one yield stay until the next.
        """
        if len(self._cursors) == 1 and self._program is None:
            yield from self._living_as_they_lie()
        else:  # parts of a flow lie in several queues, a filter may ask for rates: a look knows
            yield from self._living_by_look()

    def _living_as_they_lie(self) -> Iterator[NativeFlows]:
        slot = ffi.new("uint32_t *")
        while count := lib.reader_take_living(self._reader, slot, self._records, MOST):
            self._change_keys(self._records, count)
            yield NativeFlows(self._records, ffi.sizeof("struct xtop_record"), count)

    def _living_by_look(self) -> Iterator[NativeFlows]:
        result = ffi.new("struct reader_result *")
        view = ffi.new("struct reader_view *")
        view.over = True
        view.now = self._now()
        if self._program is not None:
            view.filter, view.filter_count = self._program, len(self._program)
        if lib.reader_look(self._reader, view, result) < 0:
            raise SourceError("out of memory for the flows that live (lower --max-flows)", 1)
        try:
            if self._rekey is not None:
                for at in range(result.row_count):
                    self._change_keys(ffi.addressof(result.row[at], "record"), 1)
            yield NativeFlows(result.row, ffi.sizeof("struct reader_row"), result.row_count)
        finally:
            lib.reader_rows_free(result.row)
            lib.reader_rows_free(result.group)

    def close(self) -> None:
        """Take no more."""
        self.closed = True
