# SPDX-License-Identifier: BSD-2-Clause
"""Ended flows of a running capture, each once: a reader of its own over the capture's segment, with its own cursor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xtop._native import ffi, lib
from xtop.losses import lost_packets
from xtop.native_ipfix import NativeFlows
from xtop.source import SourceError

MOST = 4096  # flows that are taken at a time


class EndedFlows:
    """Used by one thread, but for ``cursor`` and ``lost``. ``close`` it, or a capture of a file waits for ever."""

    def __init__(self, memfd: int) -> None:
        error = ffi.new("char[]", 256)
        reader = lib.reader_open(memfd, error, 256)
        if reader == ffi.NULL:
            raise SourceError(ffi.string(error).decode("utf-8", "replace"), 1)
        self._reader = ffi.gc(reader, lib.reader_close)
        self._records = ffi.new("struct xtop_record[]", MOST)
        self._cursors = [0] * lib.reader_header(reader).queue_count
        self.lost = 0  # flows that the capture's ring had no room for until we came
        self.closed = False
        self.awaited = True  # what is read of a file waits for us

    def take(self, room: int) -> NativeFlows:
        """Return the next flows, ``room`` of them at most; they stay until the next call."""
        count = lib.reader_take_ended(self._reader, self._records, min(room, MOST))
        self._cursors = [lib.reader_ended_cursor(self._reader, queue) for queue in range(len(self._cursors))]
        self.lost = lib.reader_ended_lost(self._reader)
        return NativeFlows(self._records, ffi.sizeof("struct xtop_record"), count)

    def cursor(self, queue: int) -> int | None:
        """Return how many ended flows of ``queue`` were taken or lost; None: nobody is to wait for us."""
        return self._cursors[queue] if self.awaited and not self.closed else None

    def packets_lost(self) -> int:
        """Return how many packets never reached the capture."""
        queues = [ffi.new("struct xtop_queue *") for _ in self._cursors]
        for number, queue in enumerate(queues):
            lib.reader_queue(self._reader, number, queue)
        return lost_packets(queues, lib.reader_header(self._reader).nic_dropped).total

    @contextmanager
    def living(self) -> Iterator[NativeFlows]:
        """Yield the flows that have not ended, each whole, of a capture at rest (SourceError: no memory)."""
        result = ffi.new("struct reader_result *")
        view = ffi.new("struct reader_view *")
        view.over = True
        if lib.reader_look(self._reader, view, result) < 0:
            raise SourceError("out of memory for the flows that live (lower --max-flows)", 1)
        try:
            yield NativeFlows(result.row, ffi.sizeof("struct reader_row"), result.row_count)
        finally:
            lib.reader_rows_free(result.row)
            lib.reader_rows_free(result.group)

    def close(self) -> None:
        """Take no more."""
        self.closed = True
