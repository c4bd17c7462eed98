# SPDX-License-Identifier: BSD-2-Clause
"""The packets of one flow on their way into a file: a thread reads what the capture copies, until a bound is met.

The messages are those of capture/flow_tap.h.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD = struct.Struct("=IIQQ")  # tap_head: reason, count, matched, lost
FRAME = struct.Struct("=QIIII")  # tap_frame: time, captured, length, queue, link
MESSAGE_MAX = 16 * (FRAME.size + 65536) + HEAD.size
LINK_TYPES = (1, 101, 113, 276, 0)  # LINKTYPE_ by enum link_type: Ethernet, raw IP, Linux cooked v1, v2, BSD loopback
NO_FRAMES = 6
REASONS = {
    1: "the bound on packets was met",
    2: "the bound on bytes was met",
    3: "the time is over",
    4: "",
    5: "the flow ended",
    NO_FRAMES: "this capture counts in the kernel and has no packets (use --capture af_packet)",
    7: "the capture ended",
    8: "others are writing as many flows of this capture as can be at a time",
}
DIED = "the capture died"
Rewrite = Callable[[int, bytes], bytes]  # LINKTYPE_ and frame -> frame


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the writing of a flow's packets ends, whatever comes first."""

    packets: int = 10_000
    seconds: float = 60.0
    bytes: int = 64 << 20


class NothingCame(Exception):
    """There is nothing to keep a file for."""


class FlowPackets:
    """Writes what arrives on ``tap`` to ``path``; tells ``ended`` from its own thread. Figures may be read any time."""

    def __init__(
        self,
        tap: socket.socket,
        path: Path,
        interface: str,
        ended: Callable[[FlowPackets], object],
        rewrite: Rewrite | None = None,
    ) -> None:
        self.path = path
        self.packets = self.cut = self.matched = self.lost = 0
        self.failure: str | None = None
        self.reason = DIED
        self.begun = False  # the capture has said that it copies
        self.over = False
        self._tap = tap
        self._interface = interface
        self._ended = ended
        self._rewrite = rewrite  # what of a frame may be written
        self._last = 0  # ns: time of the last packet
        self._thread = threading.Thread(target=self._run, name="packets", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self, patience: float) -> None:
        """Wait for the end, up to ``patience`` seconds."""
        if self._thread.is_alive():
            self._thread.join(patience)

    def outcome(self) -> str:
        """Return what became of it in one line; where :attr:`kept`, the path comes after it."""
        if self.failure is not None:
            return f"✖ {self.failure}"
        why = f" ({self.reason})" if self.reason else ""
        if not self.packets:
            return f"no packet of the flow came, nothing was written{why}"
        lost = f", {self.lost:,} lost" if self.lost else ""
        cut = f", {self.cut:,} cut short" if self.cut else ""
        return f"{self.packets:,} packets{lost}{cut}{why} in"

    @property
    def kept(self) -> bool:
        """Whether there is a file."""
        return self.over and self.failure is None and self.packets > 0

    def _run(self) -> None:
        from xtop.export import open_output
        from xtop.export.pcapng import PcapngWriter

        try:
            with self._tap, open_output(self.path, overwrite=False) as stream:
                writer: PcapngWriter | None = None
                for moment, length, link, data in self._frames():
                    if writer is None:
                        writer = PcapngWriter(stream, self._interface, LINK_TYPES[link])
                    self.packets += 1
                    self.cut += len(data) < length
                    shown = data if self._rewrite is None else self._rewrite(LINK_TYPES[link], data)
                    writer.packet(moment, length, shown)
                    self._last = moment
                if writer is None:
                    raise NothingCame
                writer.statistics(self._last or time.time_ns(), self.matched, self.lost)
        except NothingCame:
            pass
        except Exception as error:  # a full disk, a directory that is gone: the screen stays, and says so
            self.failure = str(error).replace(", or --overwrite", "") or type(error).__name__
        self.over = True
        self._ended(self)

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield time, length on the wire, link and bytes of each frame until the last message."""
        while message := self._tap.recv(MESSAGE_MAX):
            reason, count, self.matched, self.lost = HEAD.unpack_from(message)
            self.begun = True
            at = HEAD.size
            for _ in range(count):
                moment, captured, length, _queue, link = FRAME.unpack_from(message, at)
                at += FRAME.size
                yield moment, length, link, message[at : at + captured]
                at += captured
            if reason:
                self.reason = REASONS.get(reason, "")
                return
