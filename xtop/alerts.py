# SPDX-License-Identifier: BSD-2-Clause
"""What is worth saying unasked: few things, each once. Pure arithmetic over the snapshots that go by.

A limit that is passed must stay passed for a while, and what was said of a host is not said again for a quarter of an
hour: whoever looks up at every flicker soon looks up no more.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from xtop import units
from xtop.history import LossNow
from xtop.model import Activity, CaptureState, Snapshot
from xtop.units import NANOSECONDS

KEPT = 200  # alerts
QUIET_S = 15 * 60  # before the same is said of the same host again
LOSS_QUIET_S = 60  # without a loss, before the next is a new one
ABOVE_S, BELOW_S = 3, 10  # for so long a limit must be passed
BACK = 0.1  # share by which a rate must come back before the limit can be passed anew
STEADY = 2  # looks in a row that have the same first host


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """From where on something is said; rates in bits per second, None and 0: never."""

    above: float | None = None
    below: float | None = None
    top_talker: float = 0.3  # share of the throughput
    hosts: int = 250
    ports: int = 100


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that was worth saying."""

    at: int  # ns
    kind: str  # "loss", "above", "below", "top talker", "hosts", "ports"
    text: str


@dataclass(slots=True)
class _Crossing:
    """A limit of the throughput: whether it is passed, and since when."""

    since: int | None = None
    told: bool = False

    def passed(self, beyond: bool, back: bool, at: int, hold_s: float) -> bool:
        """Return whether this is the moment to say that the limit has been passed."""
        if back:
            self.since, self.told = None, False
        if not beyond:
            self.since = None
            return False
        self.since = at if self.since is None else self.since
        if self.told or at - self.since < hold_s * NANOSECONDS:
            return False
        self.told = True
        return True


@dataclass(slots=True)
class AlertWatch:
    """Looks at each snapshot once, in the order of their time."""

    limits: AlertLimits = field(default_factory=AlertLimits)
    log: deque[Alert] = field(default_factory=lambda: deque(maxlen=KEPT))  # the newest last
    _above: _Crossing = field(default_factory=_Crossing)
    _below: _Crossing = field(default_factory=_Crossing)
    _lost_at: int | None = None
    _told: dict[tuple[str, str], int] = field(default_factory=dict)  # kind and host -> when
    _top: str | None = None  # the first host that everybody knows of
    _coming: tuple[str, int] = ("", 0)  # who is first now, and for how many looks in a row

    def take(self, snapshot: Snapshot, loss_now: LossNow) -> tuple[Alert, ...]:
        """Return what is to be said of ``snapshot``, and keep it in the log."""
        if snapshot.state is not CaptureState.RUNNING or not snapshot.totals.packets:
            return ()
        said = [*self._loss(snapshot, loss_now), *self._throughput(snapshot)]
        if snapshot.activity is not None:
            said += [*self._top_talker(snapshot, snapshot.activity), *self._contacts(snapshot, snapshot.activity)]
        self.log.extend(said)
        return tuple(said)

    def forget(self) -> None:
        """Begin anew, with another link; the log stays."""
        self._above, self._below = _Crossing(), _Crossing()
        self._lost_at, self._top, self._coming = None, None, ("", 0)
        self._told.clear()

    def _loss(self, snapshot: Snapshot, loss_now: LossNow) -> list[Alert]:
        if loss_now.total <= 0:
            return []
        before, self._lost_at = self._lost_at, snapshot.taken_at
        if before is not None and snapshot.taken_at - before < LOSS_QUIET_S * NANOSECONDS:
            return []
        worst = max(loss_now.by_cause, key=lambda cause: loss_now.by_cause[cause])
        cause = worst.removeprefix("rx_").replace("_", " ")
        text = f"loss began: {units.count(loss_now.total).strip()} packets/s, most of them: {cause}"
        return [Alert(snapshot.taken_at, "loss", text)]

    def _throughput(self, snapshot: Snapshot) -> list[Alert]:
        said, now, at = [], snapshot.totals.bps, snapshot.taken_at
        above, below = self.limits.above, self.limits.below
        if above and self._above.passed(now > above, now < above * (1 - BACK), at, ABOVE_S):
            said.append(Alert(at, "above", f"throughput {_rate(now)} is above {_rate(above)}"))
        if below and self._below.passed(now < below, now > below * (1 + BACK), at, BELOW_S):
            said.append(Alert(at, "below", f"throughput {_rate(now)} is below {_rate(below)}"))
        return said

    def _top_talker(self, snapshot: Snapshot, activity: Activity) -> list[Alert]:
        """Say who came first, where somebody else was before; who is first at the start is no news."""
        total = snapshot.totals.bps
        if not self.limits.top_talker or activity.top is None or total <= 0:
            return []
        host, share = activity.top.host, min(1.0, activity.top.bps / total)
        if share < self.limits.top_talker:
            self._coming = ("", 0)
            self._top = self._top or ""  # from now on it is news
            return []
        self._coming = (host, self._coming[1] + 1 if self._coming[0] == host else 1)
        if host == self._top or self._coming[1] < STEADY:
            return []
        known, self._top = self._top, host
        if known is None or not self._new("top talker", host, snapshot.taken_at):
            return []
        text = f"new top talker: {host}, {_rate(activity.top.bps)}, {units.percent(share).strip()} of all"
        return [Alert(snapshot.taken_at, "top talker", text)]

    def _contacts(self, snapshot: Snapshot, activity: Activity) -> list[Alert]:
        said = []
        for contacts in activity.contacts:
            for kind, number, limit in (
                ("hosts", contacts.hosts, self.limits.hosts),
                ("ports", contacts.ports, self.limits.ports),
            ):
                if limit and number >= limit and self._new(kind, contacts.host, snapshot.taken_at):
                    text = f"{contacts.host} touches {_about(number)} {kind} ({contacts.flows} flows that it began)"
                    said.append(Alert(snapshot.taken_at, kind, text))
        return said

    def _new(self, kind: str, host: str, at: int) -> bool:
        """Return whether this was not said of the host lately, and remember that it is now."""
        self._told = {what: when for what, when in self._told.items() if at - when < QUIET_S * NANOSECONDS}
        return self._told.setdefault((kind, host), at) == at


def _rate(bits: float) -> str:
    return units.rate(bits).strip()


def _about(number: int) -> str:
    """Return an estimated number: it is good to some per cent."""
    return str(number) if number < 100 else f"about {units.count(number).strip()}"
