# SPDX-License-Identifier: BSD-2-Clause
"""IPFIX over TCP and TLS (RFC 7011, 10.4 and 11).

    send ──► waiting ──► the socket ──► on their way ──► acknowledged by the other side's TCP: done
                ▲                            │
                └────── the connection broke ┘   what was not acknowledged is sent again, on the next connection

A message of which a part was not acknowledged cannot have been read whole, so sending it again brings no flow twice;
what the other side's kernel has acknowledged counts as delivered, since IPFIX itself has no receipt.

Together both queues hold ``queue`` flows. When they are full, flows stay in the ring of the capture, and where that
comes round, the reader of the ring counts them as lost.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from select import select

from xtop.export.errors import ExportError
from xtop.ipfix.collector import Collector
from xtop.ipfix.connecting import connect
from xtop.ipfix.session import Greeting, Sequence32, Tally
from xtop.ipfix.tcp_progress import tcp_progress
from xtop.ipfix.tls import certificate_trouble
from xtop.native_ipfix import Message

MESSAGE_SIZE = 8192  # octets: below a TLS record, and TCP cuts as it must
FIRST_PATIENCE_S = 5.0  # for the first connection, so that a wrong certificate shows at the start
BACK_OFF_S = (0.5, 30.0)  # between two attempts: the first, the longest
WAIT_S = 0.01  # between two looks while finishing
WANTS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class StreamTransport:
    """A connection that comes again when it breaks."""

    repeats_templates = False
    message_size = MESSAGE_SIZE

    def __init__(self, collector: Collector, context: ssl.SSLContext | None, queue: int) -> None:
        self.tally = Tally()
        self._collector = collector
        self._context = context
        self._queue = queue
        self._waiting: deque[Message] = deque()
        self._on_way: deque[tuple[int, Message]] = deque()  # and where it ends in the connection's octets
        self._greeting: Greeting = list
        self._socket: socket.socket | None = None
        self._attempt: Future[socket.socket] | None = None
        self._attempt_at = 0.0  # not before, by the monotonic clock
        self._back_off = BACK_OFF_S[0]
        self._sequence = Sequence32()
        self._present: Message | None = None  # of which only ``_left`` remains to be written
        self._left = memoryview(b"")

    @property
    def room(self) -> int:
        """Flows that there is room for."""
        return self._queue - self.tally.queued

    def open(self, greeting: Greeting) -> None:
        """Connect. Nobody there is no failure, he may come; a certificate that is refused is one."""
        self._greeting = greeting
        self._attempt = connect(self._collector, self._context)
        with suppress(Exception):
            self._attempt.result(FIRST_PATIENCE_S)
        error = self._attempt.exception() if self._attempt.done() else None
        if isinstance(error, socket.gaierror):
            raise ExportError(
                f"cannot export to {self._collector.url} ({(error.strerror or '').lower()}; name the collector's host)",
                2,
            )
        if isinstance(error, ssl.SSLError):
            raise ExportError(
                f"cannot export to {self._collector.url} ({_why(error)}; see --ipfix-ca and --ipfix-cert)", 1
            )
        self.tend()

    def send(self, messages: Sequence[Message]) -> None:
        """Put them behind those that wait."""
        self._waiting.extend(messages)
        self.tally.queued += sum(message.flows for message in messages)
        self._push()

    def tend(self) -> None:
        """Take note of what the other side did, connect again, send what waits."""
        if self._socket is None:
            self._take_connection()
        if self._socket is not None:
            self._watch()
        if self._socket is not None:
            self._acknowledge()
            self._push()

    def finish(self, patience: float) -> None:
        """Wait until all is acknowledged, as long as something moves."""
        deadline = time.monotonic() + patience
        before = (0, 0, 0)
        while self._waiting or self._on_way or self._present is not None:
            self.tend()
            now = (len(self._waiting), len(self._on_way), len(self._left))
            if now != before:
                before, deadline = now, time.monotonic() + patience
            if time.monotonic() > deadline:
                break
            time.sleep(WAIT_S)
        self._say_goodbye()
        self.abandon()

    def abandon(self) -> None:
        """Close; what was not acknowledged counts as lost."""
        self._acknowledge()
        self.tally.lost += self.tally.queued
        self.tally.queued = 0
        self._close()

    # ---- The connection

    def _take_connection(self) -> None:
        if self._attempt is None:
            if time.monotonic() >= self._attempt_at:
                self._attempt = connect(self._collector, self._context)
            return
        if not self._attempt.done():
            return
        attempt, self._attempt = self._attempt, None
        error = attempt.exception()
        if error is not None:
            self._later(_why(error))
            return
        self._socket = attempt.result()
        self._back_off = BACK_OFF_S[0]
        self._sequence = Sequence32()
        self.tally.connected, self.tally.trouble = True, ""
        self._waiting.extendleft(reversed(self._greeting()))

    def _later(self, why: str) -> None:
        self.tally.trouble = why
        self._attempt_at = time.monotonic() + self._back_off
        self._back_off = min(self._back_off * 2, BACK_OFF_S[1])

    def _watch(self) -> None:
        """A collector sends nothing; what can be read is its end (or TLS's own talk)."""
        assert self._socket is not None
        try:
            if not self._socket.recv(4096):
                self._broken("it closed the connection")
        except WANTS:
            pass
        except OSError as error:
            self._broken(_why(error))

    def _broken(self, why: str) -> None:
        """Take back what was not acknowledged, in its order, and try again soon. Greetings are made anew."""
        self._acknowledge()
        back = [message for _, message in self._on_way]
        if self._present is not None:
            back.append(self._present)
        self._waiting.extendleft(reversed([message for message in back if message.flows]))
        self._on_way.clear()
        self._close()
        self._later(why)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._present, self._left = None, None, memoryview(b"")
        self.tally.connected = False

    def _say_goodbye(self) -> None:
        """End the stream in order, so that the collector knows that it is whole."""
        if self._socket is None:
            return
        with suppress(OSError, ValueError):
            if isinstance(self._socket, ssl.SSLSocket):
                with suppress(*WANTS):
                    self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)
            select([self._socket], [], [], 1.0)  # it closes, too, when it has read all

    # ---- Messages

    def _push(self) -> None:
        """Write as much as the socket takes."""
        while self._socket is not None and self._take_next():
            try:
                sent = self._socket.send(self._left)
            except WANTS:
                return
            except OSError as error:
                self._broken(_why(error))
                return
            self._left = self._left[sent:]
            if not self._left:
                self._written()

    def _take_next(self) -> bool:
        if self._present is None and self._waiting:
            self._present = self._waiting.popleft()
            self._sequence.stamp(self._present)
            self._left = memoryview(self._present.data)
        return self._present is not None

    def _written(self) -> None:
        assert self._socket is not None
        assert self._present is not None
        progress = tcp_progress(self._socket)
        self._on_way.append((0 if progress is None else progress.written, self._present))
        self._present = None

    def _acknowledge(self) -> None:
        if self._socket is None or not self._on_way:
            return
        progress = tcp_progress(self._socket)
        while self._on_way and (progress is None or self._on_way[0][0] <= progress.acknowledged):
            _, message = self._on_way.popleft()
            self.tally.sent(message)
            self.tally.queued -= message.flows


def _why(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return certificate_trouble(error) or f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, TimeoutError):
        return "no answer"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
