# SPDX-License-Identifier: BSD-2-Clause
"""What one frame of the screen shows: a snapshot and what the screen itself adds to it, frozen.

Each panel draws from a :class:`Picture` and from nothing else, so every state of the screen can be built in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xtop.history import LossNow
from xtop.model import CaptureState, Snapshot, SourceInfo, View
from xtop.units import clock


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame."""

    snapshot: Snapshot | None = None
    view: View = field(default_factory=View)
    throughput: tuple[float | None, ...] = ()  # bits per second, one a second, oldest first
    trends: Mapping[bytes, tuple[float, ...]] = field(default_factory=dict)
    loss_now: LossNow = field(default_factory=LossNow)
    in_bytes: bool = False  # rates in bytes per second
    paused_s: int | None = None  # for how long this frame has been held
    waited_s: int = 0  # since the screen opened
    failure: str | None = None  # why the source answers no more


@dataclass(frozen=True, slots=True)
class Status:
    """Where the capture is, in a shape, a word and, where there is more to say, a sentence."""

    mark: str
    word: str
    reason: str = ""
    alarming: bool = False


def status(picture: Picture) -> Status:
    """Return what the header says of the capture; a fault of xtop comes before everything else."""
    snapshot = picture.snapshot
    if snapshot is not None and snapshot.accounting.missing:
        return Status("✖", "fault", breach(snapshot), alarming=True)
    if picture.failure is not None:
        return Status("✖", "failed", picture.failure, alarming=True)
    if snapshot is None:
        return Status("○", "starting")
    if snapshot.state is CaptureState.FAILED:
        return Status("✖", "failed", snapshot.state_text or "the capture failed", alarming=True)
    if picture.paused_s is not None:
        return Status("‖", f"paused {clock(picture.paused_s)}")
    if snapshot.state is CaptureState.DONE:
        return Status("■", "ended", snapshot.state_text or "the capture has ended")
    if snapshot.state is CaptureState.STARTING:
        return Status("○", "starting")
    if snapshot.totals.packets == 0:
        return Status("○", "waiting")
    return Status("●", "live")


def breach(snapshot: Snapshot) -> str:
    """Return the sentence for a breach of the conservation law."""
    missing = snapshot.accounting.missing
    what = "accounted for nowhere" if missing > 0 else "accounted for twice"
    return f"fault of xtop: {abs(missing)} of {snapshot.accounting.received} packets are {what}; please report it"


def describe(source: SourceInfo) -> list[str]:
    """Return what is watched and how, most telling part first: name, driver, capture mode, queues, sampling, filter."""
    mode = {"af_xdp": "AF_XDP", "af_packet": "AF_PACKET", "ebpf": "eBPF"}.get(source.capture, source.capture)
    parts = [source.name]
    if source.driver:
        parts.append(source.driver)
    if source.capture not in (source.kind, source.name):
        parts.append(" ".join(filter(None, (mode, source.xdp_mode))))
    if source.zero_copy:
        parts.append("zero copy")
    if source.queues > 0:
        parts.append(f"{source.queues} queue{'s' if source.queues > 1 else ''}")
    if source.sampling > 1:
        parts.append(f"1 in {source.sampling}")
    if source.filter:
        parts.append(f"filter {source.filter}")
    return parts
