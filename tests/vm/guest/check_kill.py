# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 under traffic: no program stays behind, the NIC works for its host again, and a next capture starts."""

from __future__ import annotations

import os
import signal
import socket
import threading

from .captures import Series
from .check_modes import MODES
from .known_set import known_set
from .links import Fault, Nic, Sender, wait_until

ALL_FRAMES = 3  # ETH_P_ALL


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
