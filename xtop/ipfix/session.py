# SPDX-License-Identifier: BSD-2-Clause
"""What every way to a collector has: its counters, and the stamp that a message gets as it leaves."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from xtop.native_ipfix import Message


@dataclass(slots=True)
class Tally:
    """Totals since the start; written by the exporter's thread alone, and read by anybody."""

    octets: int = 0
    messages: int = 0
    flows: int = 0
    records: int = 0  # of flows: as many, or with --uniflow one for each direction
    lost: int = 0  # flows that could not be sent
    queued: int = 0  # flows that wait
    connected: bool = False
    trouble: str = ""  # what went wrong last, a clause; "" = all is well

    def sent(self, message: Message) -> None:
        """Count a message that has left."""
        self.octets += len(message.data)
        self.messages += 1
        self.flows += message.flows
        self.records += message.flow_records


class Sequence32:
    """Sequence numbers of one transport session: data records so far (RFC 7011, 3.1)."""

    def __init__(self) -> None:
        self._next = 0

    def stamp(self, message: Message) -> None:
        """Write export time and sequence number, which are those of the sending."""
        struct.pack_into("!II", message.data, 4, int(time.time()) & 0xFFFFFFFF, self._next)
        self._next = (self._next + message.records) & 0xFFFFFFFF


Greeting = Callable[[], Sequence[Message]]  # templates and options, which a session begins with


class Transport(Protocol):
    """A way to one collector. All methods are for the exporter's thread, but ``open``."""

    tally: Tally

    @property
    def message_size(self) -> int:
        """The most octets of a message."""

    @property
    def room(self) -> int:
        """How many flows it takes now."""

    @property
    def repeats_templates(self) -> bool:
        """Whether templates must be sent again and again."""

    def open(self, greeting: Greeting) -> None:
        """Begin; raise ExportError where it cannot ever work."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send, or keep for later."""

    def tend(self) -> None:
        """Do what is due: connect again, send what waits. Never waits itself."""

    def finish(self, patience: float) -> None:
        """Send what waits, for ``patience`` seconds without progress at most; count the rest as lost, and close."""

    def abandon(self) -> None:
        """Close at once, and leave nothing half done."""
