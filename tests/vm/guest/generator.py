# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's own packet generator (Documentation/networking/pktgen.rst): faster than any program of the guest."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from .links import PATIENCE_S, Fault, Nic

PKTGEN = Path("/proc/net/pktgen")
FLOWS = 1000


class Generator:
    """Sends 60-byte frames of 1,000 flows while it is entered; or some ``count`` of them, in bursts."""

    def __init__(self, nic: Nic, count: int = 0, burst: int = 1) -> None:
        self.device, self.count, self.burst = nic.name, count, burst

    def __enter__(self) -> Generator:
        self._write("kpktgend_0", "rem_device_all", f"add_device {self.device}")
        self._write(
            self.device,
            *(f"count {self.count}", f"burst {self.burst}", "clone_skb 0", "pkt_size 60", "delay 0"),
            *("flag IPSRC_RND", "dst_mac 02:00:00:00:00:02", "src_mac 02:00:00:00:00:01", "dst 10.9.0.1"),
            *("src_min 10.8.0.1", f"src_max 10.8.{FLOWS // 250}.250", "udp_src_min 9", "udp_src_max 9"),
        )
        # Writing "start" returns when all is sent or it is stopped.
        self._thread = threading.Thread(target=self._write, args=("pgctrl", "start"))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._write("pgctrl", "stop")
        self._thread.join()
        self._write("kpktgend_0", "rem_device_all")

    def sent(self) -> int:
        """Frames sent, when all are."""
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            raise Fault(f"not within {PATIENCE_S:.0f} s: {self.count} frames are sent")
        return int(re.findall(r"pkts-sofar: (\d+)", PKTGEN.joinpath(self.device).read_text())[0])

    @staticmethod
    def _write(name: str, *commands: str) -> None:
        for command in commands:
            PKTGEN.joinpath(name).write_text(command)
