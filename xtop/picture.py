# SPDX-License-Identifier: BSD-2-Clause
"""What one frame of the screen shows: a snapshot and what the screen itself adds to it, frozen.

Each panel draws from a :class:`Picture` and from nothing else, so every state of the screen can be built in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from xtop.alerts import Alert
from xtop.history import Curves, LossNow, Series
from xtop.kept_rows import KeptRows
from xtop.keymap import ALL_KEYS, Keymap, shown
from xtop.model import CaptureState, Flow, Snapshot, SourceInfo, View
from xtop.naming import NO_NAMES, Naming
from xtop.sampling import sampling_name
from xtop.units import NANOSECONDS, clock


@dataclass(frozen=True, slots=True)
class Look:
    """How the user wants the panels drawn."""

    graph_packets: bool = False  # the graph shows packets per second first, else bits
    graph_minutes: bool = False  # ten minutes, else one
    braille: bool = False  # dots, else blocks
    logarithmic: bool = False  # histograms


Sides = tuple["tuple[int, ...] | None", "tuple[int, ...] | None"]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The flow whose detail is open: as it was last seen, with its rate of the last minute."""

    flow: Flow
    rates: Series = ()  # bits per second, one a second, oldest first
    seen_at: int = 0  # the snapshot that had it last, ns
    among_rows: bool = True  # the shown snapshot has it
    byte_counts: Sides = (None, None)  # payload bytes by value, forward and reverse, where they are counted


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the screen says unasked."""

    on: bool = True
    unread: int = 0
    newest: Alert | None = None  # while it is new


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame."""

    snapshot: Snapshot | None = None
    view: View = field(default_factory=View)
    kept: KeptRows | None = None  # of a moment that is held, or past
    curves: Curves = field(default_factory=Curves)
    trends: Mapping[bytes, tuple[float, ...]] = field(default_factory=dict)
    loss_now: LossNow = field(default_factory=LossNow)
    last_lost: Mapping[str, int] = field(default_factory=dict)  # cause -> when it last grew, ns
    look: Look = field(default_factory=Look)
    in_bytes: bool = False  # rates in bytes per second
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # group -> columns that were chosen
    naming: Naming = NO_NAMES
    keymap: Keymap = ALL_KEYS
    paused_s: int | None = None  # for how long this frame has been held
    behind_s: int | None = None  # how long before the present this frame lies
    zeroed_at: int | None = None  # counters are counted from here, ns
    pinned: Pinned | None = None
    alerts: Alerts = field(default_factory=Alerts)
    waited_s: int = 0  # since the screen opened
    noted_s: int = 0  # since the source noted something new of itself
    failure: str | None = None  # why the source answers no more
    rights_missing: bool = False  # and that this is why


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
    if picture.failure is not None and picture.behind_s is None:
        return Status("✖", "no rights" if picture.rights_missing else "failed", picture.failure, alarming=True)
    if snapshot is None:
        return Status("○", "starting")
    if picture.behind_s is not None:
        return Status(
            "◀", f"past −{clock(picture.behind_s)}", past_sentence(snapshot, picture.behind_s, picture.keymap)
        )
    if snapshot.state is CaptureState.FAILED:
        return Status("✖", "failed", snapshot.state_text or "the capture failed", alarming=True)
    if snapshot.state is CaptureState.RUNNING and snapshot.state_text:
        return Status("✖", "stopped", snapshot.state_text, alarming=True)
    if picture.paused_s is not None:
        return Status("‖", f"paused {clock(picture.paused_s)}")
    if snapshot.state is CaptureState.DONE:
        return Status("■", "ended", snapshot.state_text or "the capture has ended")
    if snapshot.state is CaptureState.STARTING:
        return Status("○", "starting")
    if snapshot.source.links and all(link.trouble for link in snapshot.source.links):
        return Status("○", "no link", snapshot.source.links[0].trouble, alarming=True)
    if snapshot.totals.packets == 0 and picture.zeroed_at is None:
        return Status("○", "waiting")
    return Status("●", "live")


def past_sentence(snapshot: Snapshot, behind_s: int, keymap: Keymap) -> str:
    """Return the sentence for a moment of the past."""
    ways = f"{shown(keymap, 'forward')} goes forward, {shown(keymap, 'pause')} returns to now"
    return f"−{clock(behind_s)}: the screen of {local_time(snapshot.taken_at)}   {ways}"


def local_time(nanoseconds: int) -> str:
    """Return a moment as a clock on the wall shows it."""
    return datetime.fromtimestamp(nanoseconds / NANOSECONDS).strftime("%H:%M:%S")


def breach(snapshot: Snapshot) -> str:
    """Return the sentence for a breach of the conservation law."""
    missing = snapshot.accounting.missing
    what = "in no account" if missing > 0 else "in two accounts"
    return f"fault of xtop: {abs(missing)} of {snapshot.accounting.received} packets are {what}; please report it"


def flow_count(snapshot: Snapshot) -> int:
    """Return how many flows live; of a file that is at its end, where that says little, how many it has."""
    totals = snapshot.totals
    of_file = snapshot.source.kind == "file" and snapshot.state in (CaptureState.DONE, CaptureState.FAILED)
    return totals.flows_live + totals.flows_ended if of_file else totals.flows_live


def describe(source: SourceInfo) -> list[str]:
    """Return what is watched and how, most telling part first: name, sampling, driver, capture mode, queues, filter."""
    words = {"af_xdp": "AF_XDP", "af_packet": "AF_PACKET", "ebpf": "eBPF"}
    mode = ",".join(words.get(capture, capture) for capture in source.capture.split(","))
    parts = [source.name]
    if source.sampling > 1:
        parts.append(sampling_name(source))
    if source.driver:
        parts.append(source.driver)
    if source.capture not in (source.kind, source.name):
        parts.append(" ".join(filter(None, (mode, source.xdp_mode))))
    if source.zero_copy:
        parts.append("zero copy")
    if source.queues > 0:
        parts.append(f"{source.queues} queue{'s' if source.queues > 1 else ''}")
    if source.filter:
        parts.append(f"filter {source.filter}")
    return parts


def troubles(source: SourceInfo) -> tuple[str, ...]:
    """Return of each link from which nothing can come why that is."""
    return tuple(link.trouble for link in source.links if link.trouble)


def remarks(source: SourceInfo) -> tuple[str, ...]:
    """Return why this way of capture was chosen, if it is not the fastest, and what was noted on the way."""
    noted = tuple(note for note in source.notes if note not in troubles(source))
    if source.reason is None or source.capture == "af_xdp":
        return noted
    return (source.reason, *noted)
