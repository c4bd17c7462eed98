# SPDX-License-Identifier: BSD-2-Clause
"""One collector's exporter: a thread that takes flows as they end, encodes them and hands them to a transport.

It reads the capture's ring with a cursor of its own. When it cannot keep up, or has no room, the ring goes on and the
reader counts what was lost: nothing here ever slows a live capture.
"""

from __future__ import annotations

import threading
import time

from xtop.ended_flows import EndedFlows
from xtop.export.errors import ExportError
from xtop.ipfix.session import Transport
from xtop.model import ExporterStatus
from xtop.native_ipfix import IpfixEncoder, Message, NativeFlows, Statistics, StreamSettings
from xtop.source import SourceError

IDLE_S = 0.02  # between two looks at a ring that was empty: it lasts for 65536 flows
FULL_S = 0.005  # while the transport has no room
AWAITED_S = 10.0  # a file waits no longer for a collector that takes nothing


class IpfixExporter:
    """Exports what ``ended`` tells. Templates and statistics come again every ``refresh`` seconds.

    ``start`` it while the capture runs, ``finish`` it once that is at rest; ``ended`` is closed then.
    """

    def __init__(
        self, url: str, transport: Transport, ended: EndedFlows, settings: StreamSettings, refresh: float
    ) -> None:
        self.url = url
        self._transport = transport
        self._ended = ended
        self._encoder = IpfixEncoder(settings, transport.message_size)
        self._refresh = refresh
        self._refresh_at = time.monotonic() + refresh
        self._taken_at = time.monotonic()
        self._resting = threading.Event()
        self._giving_up = threading.Event()
        self._called_off = False
        self._patience = 0.0
        self._failure: ExportError | BrokenPipeError | None = None
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open the transport (ExportError) and begin."""
        try:
            self._transport.open(self._greeting)
        except BaseException:
            self._ended.close()
            self._transport.abandon()
            raise
        self._thread = threading.Thread(target=self._run, name="exporter", daemon=True)
        self._thread.start()

    def finish(self, patience: float) -> None:
        """Send all that ended, then what lives, and end. The capture is at rest.

        ``patience`` is how long, in seconds, a collector may take nothing before the rest counts as lost.
        """
        self._patience = patience
        self._resting.set()

    def join(self) -> None:
        """Wait until everything was sent or given up."""
        if self._thread is not None:
            self._thread.join()

    def give_up(self) -> None:
        """End at once; what was not sent counts as lost."""
        self._giving_up.set()
        self._resting.set()

    def call_off(self) -> None:
        """End and leave nothing behind, no file of templates either: the record that this is a part of never began."""
        self._called_off = True
        self._resting.set()
        self.join()

    @property
    def failure(self) -> ExportError | BrokenPipeError | None:
        """What ended the export before its time; a broken pipe: who reads our output has seen enough."""
        return self._failure

    def status(self) -> ExporterStatus:
        """Return where it stands."""
        tally = self._transport.tally
        trouble = str(self._failure) if self._failure is not None else tally.trouble
        return ExporterStatus(
            url=self.url,
            connected=tally.connected and not self._over,
            flows=tally.flows,
            messages=tally.messages,
            octets=tally.octets,
            queued=tally.queued,
            lost=tally.lost + self._ended.lost,
            trouble=trouble,
        )

    # ---- On the thread

    def _run(self) -> None:
        try:
            while not self._resting.is_set():
                self._resting.wait(self._turn())
            if self._called_off:
                self._transport.abandon()
            else:
                self._send_rest()
        except (ExportError, SourceError) as error:
            self._fail(ExportError(str(error), error.exit_code))
        except BrokenPipeError as error:
            self._fail(error)
        except Exception as error:  # a dead thread would look like one that has nothing to do
            why = f"{type(error).__name__}: {error}; a fault of xtop, please report it"
            self._fail(ExportError(f"cannot export to {self.url} ({why})", 1))
        finally:
            self._over = True
            self._ended.close()

    def _fail(self, failure: ExportError | BrokenPipeError) -> None:
        self._failure = failure
        self._transport.abandon()

    def _turn(self) -> float:
        """Do what there is to do; return how long to wait for more."""
        self._transport.tend()
        self._refresh_if_due()
        room = self._transport.room
        if room <= 0:
            self._ended.awaited = time.monotonic() < self._taken_at + AWAITED_S
            return FULL_S
        self._ended.awaited, self._taken_at = True, time.monotonic()
        flows = self._ended.take(room)
        self._send(flows)
        return 0.0 if flows.count else IDLE_S

    def _send(self, flows: NativeFlows) -> None:
        self._encoder.message_size = self._transport.message_size
        for messages in self._encoder.flows(flows, int(time.time())):
            self._wait_for_room()
            if self._giving_up.is_set():
                self._transport.tally.lost += sum(message.flows for message in messages)
            else:
                self._transport.send(messages)

    def _wait_for_room(self) -> None:
        """At the end all living flows come at once; a collector that takes nothing for a while gets no more."""
        deadline = time.monotonic() + self._patience
        while self._transport.room <= 0 and self._resting.is_set() and not self._giving_up.is_set():
            before = self._transport.tally.flows
            self._transport.tend()
            if self._transport.tally.flows != before:
                deadline = time.monotonic() + self._patience
            elif time.monotonic() > deadline:
                self._giving_up.set()
            time.sleep(FULL_S)

    def _send_rest(self) -> None:
        while (flows := self._ended.take(max(1, self._transport.room))).count:
            self._send(flows)
        for flows in self._ended.living():
            self._send(flows)
        self._transport.send(self._encoder.options(self._statistics(), int(time.time())))
        self._transport.finish(0.0 if self._giving_up.is_set() else self._patience)

    def _refresh_if_due(self) -> None:
        if time.monotonic() < self._refresh_at:
            return
        self._refresh_at = time.monotonic() + self._refresh
        now = int(time.time())
        templates = self._encoder.templates(now) if self._transport.repeats_templates else []
        self._transport.send([*templates, *self._encoder.options(self._statistics(), now)])

    def _greeting(self) -> list[Message]:
        self._encoder.message_size = self._transport.message_size
        now = int(time.time())
        return [*self._encoder.templates(now), *self._encoder.options(self._statistics(), now)]

    def _statistics(self) -> Statistics:
        status, records = self.status(), self._transport.tally.records
        return Statistics(status.octets, status.messages, records, self._ended.packets_lost(), status.lost)
