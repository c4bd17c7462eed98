# SPDX-License-Identifier: BSD-2-Clause
"""Which process of this host is at the end of a flow, and in which container: by the kernel's own list of sockets.

Asked for while somebody looks, by a thread of its own; nobody waits. Where an end is not an address of this network
namespace, where the socket is gone before it was seen, or where the rights are missing to look into another's process,
there is no answer, which is not the same as "no process".
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xtop.model import Flow

INTERVAL_S = 2.0  # between two looks at the sockets
FORGET_TRIED_S = 10.0  # until a socket whose owner was not found is looked for again
REMEMBERED = 8192  # flows whose process is known, ended ones too
PROTOCOLS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP)
WILDCARDS = ("0.0.0.0", "::")
MAPPED = "::ffff:"  # an IPv4 address in an IPv6 socket

_CONTAINERS = (
    re.compile(r"(docker|libpod|cri-containerd|crio)-([0-9a-f]{12})[0-9a-f]{52}(?:\.scope|\b)"),
    re.compile(r"/(docker|kubepods)[^:\n]*/([0-9a-f]{12})[0-9a-f]{52}\b"),
    re.compile(r"/(lxc)(?:\.payload\.|/)([\w.-]+)"),
    re.compile(r"/(machine)-([\w.-]+?)\.scope"),
)
_RUNTIMES = {
    "libpod": "podman",
    "cri-containerd": "containerd",
    "crio": "cri-o",
    "kubepods": "pod",
    "machine": "nspawn",
}


Ends = tuple[int, str, int, str, int]  # ... and the other end's; "" and 0 where it is not connected


@dataclass(frozen=True, slots=True)
class Process:
    """Who owns a socket."""

    pid: int
    name: str
    container: str = ""  # "docker 3f2a9c01b7de"

    def __str__(self) -> str:
        return f"{self.name} {self.pid}"


class LocalProcesses:
    """Finds processes for flows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Look at nothing yet: the thread starts with the first question."""
        self._clock = clock
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._sockets: Mapping[Ends, int] = {}
        self._addresses: frozenset[str] = frozenset()
        self._owners: dict[int, Process] = {}  # by inode
        self._tried: dict[int, float] = {}
        self._known: OrderedDict[bytes, tuple[Process, ...]] = OrderedDict()  # by the flow's key

    def of(self, flow: Flow) -> tuple[Process, ...]:
        """Return the processes at the source and the destination of ``flow``, as far as they are known now."""
        if flow.protocol not in PROTOCOLS:
            return ()
        self._wanted.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="processes", daemon=True)
                self._thread.start()
            found = tuple(filter(None, (self._at(*ends) for ends in _ends(flow))))
            if found:
                self._known[flow.key] = found
                self._known.move_to_end(flow.key)
                if len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
            return self._known.get(flow.key, ())  # a flow whose socket is gone keeps its process

    def _at(self, protocol: int, address: str, port: int, other: str, other_port: int) -> Process | None:
        if address not in self._addresses:
            return None
        candidates: list[Ends] = [(protocol, address, port, other, other_port), (protocol, address, port, "", 0)]
        candidates += [(protocol, wildcard, port, "", 0) for wildcard in WILDCARDS]
        for ends in candidates:
            inode = self._sockets.get(ends)
            if inode is not None:
                return self._owners.get(inode)
        return None

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            with suppress(Exception):  # a kernel without sock_diag, a sandbox: no answer, and no thread that dies of it
                self.refresh()
            time.sleep(INTERVAL_S)

    def refresh(self) -> None:
        """Look at the sockets once; blocks."""
        sockets, addresses = read_sockets(), read_addresses()
        inodes = set(sockets.values())
        now = self._clock()
        self._tried = {inode: at for inode, at in self._tried.items() if inode in inodes and now - at < FORGET_TRIED_S}
        known = {inode: owner for inode, owner in self._owners.items() if inode in inodes}
        known |= find_owners(inodes - known.keys() - self._tried.keys())
        self._tried |= dict.fromkeys(inodes - known.keys() - self._tried.keys(), now)
        with self._lock:
            self._sockets, self._addresses, self._owners = sockets, addresses, known


def _ends(flow: Flow) -> Iterable[Ends]:
    yield flow.protocol, flow.source, flow.source_port, flow.destination, flow.destination_port
    yield flow.protocol, flow.destination, flow.destination_port, flow.source, flow.source_port


# ---- What the kernel says


def read_sockets() -> dict[Ends, int]:
    """Return the inode of each TCP and UDP socket of this network namespace, by its ends (sock_diag)."""
    from pyroute2 import DiagSocket  # 10 MB, which only who asks for processes has to have room for

    found: dict[Ends, int] = {}
    with DiagSocket() as diag:
        diag.bind()
        for family in (socket.AF_INET, socket.AF_INET6):
            for protocol in PROTOCOLS:
                for row in diag.get_sock_stats(family=family, protocol=protocol):
                    if not row["idiag_inode"]:
                        continue  # TIME_WAIT: nobody's any more
                    local = _plain(row["idiag_src"])
                    remote, port = _plain(row["idiag_dst"]), int(row["idiag_dport"])
                    ends = (protocol, local, int(row["idiag_sport"]), remote if port else "", port)
                    found[ends] = int(row["idiag_inode"])
    return found


def read_addresses() -> frozenset[str]:
    """Return the addresses of this network namespace."""
    from pyroute2 import IPRoute

    with IPRoute() as route:
        return frozenset(str(a.get("IFA_LOCAL") or a.get("IFA_ADDRESS")) for a in route.get_addr())


def _plain(address: str) -> str:
    return address[len(MAPPED) :] if address.lower().startswith(MAPPED) and "." in address else address


# ---- What /proc says


def find_owners(inodes: set[int]) -> dict[int, Process]:
    """Return the processes that hold sockets of ``inodes`` open, of those that we may look into."""
    found: dict[int, Process] = {}
    if not inodes:
        return found
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        mine = _sockets_of(entry) & (inodes - found.keys())
        process = _process(int(entry)) if mine else None
        if process is not None:
            found |= dict.fromkeys(mine, process)
        time.sleep(0)  # the screen's thread comes first
    return found


def _sockets_of(pid: str) -> set[int]:
    """Return the inodes of the sockets that a process has open; none where it is gone or not ours to look into."""
    inodes = set()
    try:
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            target = os.readlink(descriptor.path)
            if target.startswith("socket:["):
                inodes.add(int(target[8:-1]))
    except OSError:
        pass
    return inodes


def _process(pid: int) -> Process | None:
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").rstrip("\n")
        return Process(pid, name, container_of(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return None


def container_of(cgroup: str) -> str:
    """Return runtime and short id (or name) of the container that /proc/PID/cgroup names; empty where it is none."""
    for pattern in _CONTAINERS:
        match = pattern.search(cgroup)
        if match:
            return f"{_RUNTIMES.get(match[1], match[1])} {match[2]}"
    return ""
