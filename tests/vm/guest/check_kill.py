# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 under traffic: no program stays behind, the NIC works for its host again, and a next capture starts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
from pathlib import Path

from pyroute2 import IPRoute

from xtop.doctor.bpf_programs import tcx_programs

from .captures import Series
from .check_modes import MODES
from .known_set import known_set
from .links import Fault, Nic, Sender, wait_until

ALL_FRAMES = 3  # ETH_P_ALL
NET_ADMIN = 1 << 12


def check_kill(captured: Nic, sender: Sender, mode: str) -> str:
    """Kill the capture process of a running series."""
    captured.most_queues(4)
    frames = known_set(16)[1]
    stop = threading.Event()

    def keep_sending() -> None:
        while not stop.is_set():
            sender.flood(frames)

    with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
        captured.wait_for_carrier()
        traffic = threading.Thread(target=keep_sending)
        traffic.start()
        try:
            series.until(lambda seen: seen["accounting"]["received"] > 100, "frames come")
            os.kill(series.capture_pid(), signal.SIGKILL)
            last = series.until(lambda seen: seen["state"] == "failed", "xtop says that its capture died")
            wait_until(lambda: not captured.xdp_mode(), "the kernel has taken the program off")
        finally:
            stop.set()
            traffic.join()
    if "killed by signal 9" not in last["state_text"]:
        raise Fault(f"xtop says only: {last['state_text']}")
    wait_until(lambda: int(captured.read("flags"), 16) & 0x100 == 0, "the NIC is asked for strangers' frames no more")
    _host_receives(captured, sender)
    with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
        sender.send(frames)
        series.until(lambda seen: seen["accounting"]["received"] == len(frames), "the next capture sees all frames")
    return "program gone, host receives, next capture receives"


def check_kill_ebpf(captured: Nic, sender: Sender) -> str:
    """The same of counting in the kernel, on tcx or as clsact filters, by a capture that has not CAP_NET_ADMIN."""
    to_host = bytes.fromhex(captured.read("address").replace(":", ""))
    frames = [to_host + frame[6:] for frame in known_set(16)[1]]
    with Series(captured.name, "--capture", "ebpf") as series:
        sender.send(frames)
        series.until(lambda seen: seen["accounting"]["received"] >= len(frames), "frames are counted")
        tcx = bool(tcx_programs(int(captured.read("ifindex"))))
        if (tcx, not tcx) != (not _has_clsact(captured), "xtop-janitor" in _processes()):
            raise Fault(f"tcx is {tcx}, clsact is {_has_clsact(captured)}, running are {_processes()}")
        status = Path(f"/proc/{series.capture_pid()}/status").read_text()
        if int(re.findall(r"CapPrm:\s*([0-9a-f]+)", status)[0], 16) & NET_ADMIN:
            raise Fault(f"the capture has kept CAP_NET_ADMIN: {status}")
        os.kill(series.capture_pid(), signal.SIGKILL)
        series.until(lambda seen: seen["state"] == "failed", "xtop says that its capture died")
    wait_until(lambda: not tcx_programs(int(captured.read("ifindex"))), "no program is on tcx")
    wait_until(lambda: not _has_clsact(captured), "the clsact qdisc is gone")
    wait_until(lambda: "xtop-janitor" not in _processes(), "the janitor has ended")
    _host_receives(captured, sender)
    with Series(captured.name, "--capture", "ebpf") as series:
        sender.send(frames)
        series.until(lambda seen: seen["accounting"]["received"] >= len(frames), "the next capture counts")
    if _has_clsact(captured) or tcx_programs(int(captured.read("ifindex"))):
        raise Fault("a capture that ended in order left something on the link")
    return f"{'tcx' if tcx else 'clsact filters'} gone, host receives, next capture counts"


def _has_clsact(nic: Nic) -> bool:
    with IPRoute() as route:
        return any(one.get("TCA_KIND") == "clsact" for one in route.get_qdiscs(index=int(nic.read("ifindex"))))


def _processes() -> list[str]:
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it has ended
            names.append(path.read_text().strip())
    return [name for name in names if name.startswith("xtop-")]


def _host_receives(captured: Nic, sender: Sender) -> None:
    """Frames reach the host's stack: a packet socket, which no frame passes that XDP took."""
    to_host = bytes.fromhex(captured.read("address").replace(":", ""))
    frames = [to_host + frame[6:] for frame in known_set(8)[1]]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES)) as host:
        host.bind((captured.name, ALL_FRAMES))
        host.settimeout(10)
        sender.send(frames)
        missing = sorted(frames)
        while missing:
            try:
                frame = host.recv(2048)
            except TimeoutError:
                raise Fault(f"{len(missing)} of {len(frames)} frames did not reach the host") from None
            if frame in missing:
                missing.remove(frame)
