# SPDX-License-Identifier: BSD-2-Clause
"""IPFIX over UDP (RFC 7011, 10.3): a datagram a message, no longer than the path takes; templates again and again."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Sequence

from xtop.export.errors import ExportError
from xtop.ipfix.collector import Collector
from xtop.ipfix.session import Greeting, Sequence32, Tally
from xtop.native_ipfix import LEAST_MESSAGE, Message

HEADERS = {socket.AF_INET: 28, socket.AF_INET6: 48}  # of IP and UDP, octets
ETHERNET = 1500  # a path is not believed to take more: nobody asks the routers behind the first link
IP_MTU, IPV6_MTU = 14, 24  # <linux/in.h>, <linux/in6.h>; Python has no names for them
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DONT = 10, 23, 0

# A collector's socket holds some 90 datagrams by default, and nothing says that it is full: so a burst, as of a capture
# that ends, leaves in portions.
PORTION = 32  # messages
PAUSE_S = 0.0005


class UdpTransport:
    """One socket, connected, so that the kernel tells what ICMP says of our messages."""

    repeats_templates = True
    room = sys.maxsize  # nothing waits here

    def __init__(self, collector: Collector) -> None:
        self.tally = Tally()
        self._collector = collector
        self._socket: socket.socket | None = None
        self._sequence = Sequence32()
        self._message_size = LEAST_MESSAGE
        self._before: Message | None = None  # what an ICMP error is about
        self._portion = 0

    @property
    def message_size(self) -> int:
        """What fits a datagram that nobody must cut."""
        return self._message_size

    def open(self, greeting: Greeting) -> None:
        """Find the collector; whether it listens shows as messages are sent."""
        self._socket = _connected(self._collector)
        self._measure()
        self.tally.connected = True
        self.send(greeting())

    def send(self, messages: Sequence[Message]) -> None:
        """Send at once."""
        for message in messages:
            self._sequence.stamp(message)
            self._send(message)
            self._portion += 1
            if self._portion % PORTION == 0:
                time.sleep(PAUSE_S)

    def tend(self) -> None:
        """Nothing waits."""

    def finish(self, patience: float) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._hear()
            self._socket.close()
            self._socket = None

    def abandon(self) -> None:
        """Let go of the socket."""
        self.finish(0)

    def _send(self, message: Message) -> None:
        assert self._socket is not None
        for _ in range(3):  # an error may be about the message before
            try:
                self._socket.send(message.data)
            except ConnectionRefusedError:
                self._refused()
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    return self._failed(message, error)
                self._let_cut()
            else:
                self._before = message
                return self.tally.sent(message)
        return self._failed(message, OSError(errno.ECONNREFUSED, "it refuses all"))

    def _failed(self, message: Message, error: OSError) -> None:
        self.tally.lost += message.flows
        self.tally.trouble = f"cannot send: {(error.strerror or str(error)).lower()}"

    def _refused(self) -> None:
        """Nobody listens: ICMP has brought back the message before."""
        self.tally.trouble = "nobody listens there"
        if self._before is not None:
            self.tally.flows -= self._before.flows
            self.tally.records -= self._before.flow_records
            self.tally.lost += self._before.flows
            self._before = None

    def _hear(self) -> None:
        """Take note of what ICMP may say of the last message."""
        assert self._socket is not None
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED:
            self._refused()

    def _measure(self) -> None:
        assert self._socket is not None
        v6 = self._socket.family == socket.AF_INET6
        level, option = (socket.IPPROTO_IPV6, IPV6_MTU) if v6 else (socket.IPPROTO_IP, IP_MTU)
        mtu = min(self._socket.getsockopt(level, option), ETHERNET)
        self._message_size = max(LEAST_MESSAGE, mtu - HEADERS[self._socket.family])

    def _let_cut(self) -> None:
        """The path takes less than it took: this message may be cut, the next ones are shorter."""
        assert self._socket is not None
        self._measure()
        v6 = self._socket.family == socket.AF_INET6
        level, option = (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if v6 else (socket.IPPROTO_IP, IP_MTU_DISCOVER)
        self._socket.setsockopt(level, option, PMTUDISC_DONT)


def _connected(collector: Collector) -> socket.socket:
    trouble = OSError(errno.EHOSTUNREACH, "it has no address")
    try:
        found = socket.getaddrinfo(collector.host, collector.port, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ExportError(f"cannot export to {collector.url} ({_why(error)}; name the collector's host)", 2) from None
    for family, kind, protocol, _, address in found:
        try:
            opened = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            trouble = error
            continue
        try:
            opened.connect(address)
            return opened
        except OSError as error:
            opened.close()
            trouble = error
    raise ExportError(f"cannot export to {collector.url} ({_why(trouble)}; is there a route to it?)", 1)


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
