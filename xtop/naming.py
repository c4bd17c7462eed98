# SPDX-License-Identifier: BSD-2-Clause
"""Names for addresses and ports, never waited for: what is not known yet is looked up behind the screen's back.

Reverse DNS tells the name server who is being watched, and so is asked only where the user turned names on. Service
names come from this system's own list.
"""

from __future__ import annotations

import socket
from typing import Protocol

from xtop.background_lookup import BackgroundLookup
from xtop.model import Flow


class LocalProcess(Protocol):
    """A process of this host; ``str()`` is its name and number."""

    @property
    def container(self) -> str:
        """The container it runs in, or nothing."""


class ProcessFinder(Protocol):
    """Who knows which process a flow belongs to, as far as it is known now."""

    def of(self, flow: Flow) -> tuple[LocalProcess, ...]:
        """Return the processes at the flow's ends; never blocks."""


TRANSPORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp"}


class Naming:
    """What the table asks; this one knows nothing."""

    on = False

    def host(self, address: str) -> str | None:
        """Return the name of a host, or None where none is known (yet)."""
        return None

    def port(self, protocol: int, port: int) -> str | None:
        """Return what stands in the place of a port's number, or None for the number."""
        return None

    def service(self, protocol: int, port: int) -> str:
        """Return the name of the service on a port; empty where none is known (yet)."""
        return ""

    def processes(self, flow: Flow) -> tuple[LocalProcess, ...]:
        """Return the processes of this host at the ends of a flow, as far as they are known."""
        return ()


NO_NAMES = Naming()


class SystemNaming(Naming):
    """The resolver and the list of services of this system, asked by threads of their own."""

    def __init__(
        self,
        hosts: BackgroundLookup[str] | None = None,
        services: BackgroundLookup[tuple[int, int]] | None = None,
        processes: ProcessFinder | None = None,
    ) -> None:
        """Ask nothing yet; threads start with the first question. ``processes`` where the link is this host's own."""
        self.on = False
        self._processes = processes
        self._hosts = hosts or BackgroundLookup(reverse_name, name="names", threads=4, per_second=20)
        self._services = services or BackgroundLookup(service_name, name="services", threads=1, per_second=2000)

    def host(self, address: str) -> str | None:
        """Return the host's name if names are on and it has been found."""
        return self._hosts.get(address) if self.on and address else None

    def port(self, protocol: int, port: int) -> str | None:
        """Return the service's name if names are on."""
        return self.service(protocol, port) or None if self.on else None

    def service(self, protocol: int, port: int) -> str:
        """Return the service's name, names on or not: it costs nobody a question."""
        return self._services.get((protocol, port)) or "" if port and protocol in TRANSPORTS else ""

    def processes(self, flow: Flow) -> tuple[LocalProcess, ...]:
        """Return what is known of the flow's processes."""
        return self._processes.of(flow) if self._processes else ()


def reverse_name(address: str) -> str | None:
    """Ask the resolver for the name of ``address``; blocks. None: it has none. OSError: nobody answered."""
    try:
        name, _ = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise
        return None
    return name[:253]


def service_name(service: tuple[int, int]) -> str | None:
    """Return the name of (protocol, port) in this system's list of services; reads files. None: it is not there."""
    protocol, port = service
    try:
        return socket.getservbyport(port, TRANSPORTS[protocol])
    except OSError:
        return None
