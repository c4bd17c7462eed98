# SPDX-License-Identifier: BSD-2-Clause
"""Captures that run in this network namespace, as their listening sockets tell: "xtop-capture/NAME/PID", abstract."""

from __future__ import annotations

from dataclasses import dataclass

from xtop.machine_files import MachineFiles
from xtop.source import SourceError

_PREFIX = "@xtop-capture/"
_LISTENING = 0x10000  # __SO_ACCEPTCON, linux/net.h


@dataclass(frozen=True, slots=True)
class RunningCapture:
    """``name`` is the interface, or several with commas, "demo" or "file"; ``pid`` is that of xtop-capture."""

    name: str
    pid: int

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Return the names in ``name``."""
        return tuple(self.name.split(","))

    @property
    def address(self) -> str:
        """Return the socket's, as bind(2) takes it."""
        return f"\0xtop-capture/{self.name}/{self.pid}"


def running_captures(files: MachineFiles) -> list[RunningCapture]:
    """Return them by name and process; whose they are, connecting shows."""
    found = set()
    for line in (files.text("proc/net/unix") or "").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7].startswith(_PREFIX) and int(fields[3], 16) & _LISTENING:
            name, _, pid = fields[7].removeprefix(_PREFIX).rpartition("/")
            if name and pid.isascii() and pid.isdigit():
                found.add(RunningCapture(name, int(pid)))
    return sorted(found, key=lambda capture: (capture.name, capture.pid))


def choose_capture_to_attach(captures: list[RunningCapture], wanted: str | None) -> RunningCapture:
    """Return the one of that name or process, or the only one; raise SourceError with what there is."""
    there = ", ".join(f"{capture.name} (process {capture.pid})" for capture in captures)
    if not captures:
        raise SourceError("no capture is running here (start one: xtop -i IF)", 2)
    if wanted is None:
        if len(captures) > 1:
            raise SourceError(f"several captures are running (name one of {there}; as xtop attach NAME)", 2)
        return captures[0]
    matching = [capture for capture in captures if wanted in {capture.name, *capture.interfaces, str(capture.pid)}]
    if not matching:
        raise SourceError(f"no capture of {wanted} is running (there is {there}; see xtop attach --help)", 2)
    if len(matching) > 1:
        numbers = " or ".join(f"xtop attach {capture.pid}" for capture in matching)
        raise SourceError(f"{len(matching)} captures of {wanted} are running (choose one: {numbers})", 2)
    return matching[0]
