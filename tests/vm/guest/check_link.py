# SPDX-License-Identifier: BSD-2-Clause
"""What can happen to an interface while it is captured: down and up, other queues, removed. Each is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .captures import Series
from .check_modes import MODES
from .known_set import known_set
from .links import CAPTURED_MAC, Fault, Nic, Sender, by_mac, command, wait_until


def _notes(snapshot: dict[str, Any]) -> str:
    return " ".join(snapshot["source"]["notes"])


def check_flap(captured: Nic, sender: Sender, mode: str) -> str:
    """Link down, which is said; up again, and capture goes on as if nothing had been."""
    captured.most_queues(4)
    frames = known_set(32)[1]
    with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
        sender.send(frames)
        series.until(lambda seen: seen["accounting"]["received"] == len(frames), "frames come before")
        captured.set_down()
        said = series.until(lambda seen: f"{captured.name} is down" in _notes(seen), "the link's end is said")
        captured.set_up()
        series.until(lambda seen: f"{captured.name} is down" not in _notes(seen), "and no longer said")
        sender.send(frames)
        last = series.until(lambda seen: seen["accounting"]["received"] >= 2 * len(frames), "frames come after")
    if last["accounting"]["received"] != 2 * len(frames) or last["lost"]["total"]:
        raise Fault(f"{2 * len(frames)} sent: {last['accounting']}, lost {last['lost']}")
    return f"{said['source']['notes'][-1]!r}; then all frames"


def _refusal(captured: Nic, queues: int) -> str:
    """Ask for so many RX queues; the kernel's words where it does not grant them."""
    try:
        command("ethtool", "-L", captured.name, "combined", str(queues))
    except Fault as fault:
        return " ".join(str(fault).split(":")[-1].split())
    return ""


def check_queue_change(captured: Nic, sender: Sender, mode: str) -> str:
    """Frames would pass by the sockets, so the capture ends and says why; where the kernel refuses, it goes on."""
    captured.queues(2)
    frames = known_set(8)[1]
    with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
        captured.wait_for_carrier()
        fewer = _refusal(captured, 1)
        more = _refusal(captured, 4) if fewer else ""
        if fewer and more:
            sender.send(frames)
            series.until(lambda seen: seen["accounting"]["received"] == len(frames), "capture goes on")
            return f"fewer and more are refused ({fewer}, {more}); capture goes on"
        last = series.until(lambda seen: seen["state"] == "failed", "the change is said")
    if "RX queues" not in last["state_text"]:
        raise Fault(f"xtop says: {last['state_text']}")
    wait_until(lambda: not captured.xdp_mode(), "the program is gone")
    return f"{f'fewer are refused ({fewer}); more' if fewer else 'fewer'}: {last['state_text']!r}"


def check_removed(captured: Nic, sender: Sender, mode: str) -> str:
    """The device is taken out of its slot, and found again by a scan of the bus."""
    captured.most_queues(4)
    device = Path("/sys/class/net", captured.name, "device").resolve()
    if device.name.startswith("virtio"):
        device = device.parent
    with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
        sender.send(known_set(4)[1])
        device.joinpath("remove").write_text("1")
        last = series.until(lambda seen: seen["state"] == "failed", "the removal is said")
    if f"interface {captured.name} is gone" not in last["state_text"]:
        raise Fault(f"xtop says: {last['state_text']}")
    Path("/sys/bus/pci/rescan").write_text("1")
    captured.name = by_mac(CAPTURED_MAC)
    captured.set_up()
    return repr(last["state_text"])
