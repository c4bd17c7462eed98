# SPDX-License-Identifier: BSD-2-Clause
"""What the cells of the flow table say of a flow: text of a width, and its ink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xtop import units
from xtop.blocks import sparkline
from xtop.history import TREND_LENGTH
from xtop.ink import Ink, Span, elided, printable
from xtop.model import Direction, Flow
from xtop.naming import NO_NAMES, Naming
from xtop.sampling import ESTIMATE_MARK

ICMP = (1, 58)
TCP = 6
TCP_FLAGS = "FSRPAUEC"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a cell may know besides its flow."""

    taken_at: int = 0  # ns
    in_bytes: bool = False  # rates in bytes per second
    total_bps: float = 0.0
    sampling: int = 1  # one packet in so many was looked at
    trend: tuple[float, ...] = ()
    naming: Naming = field(default=NO_NAMES)
    follows_tcp: bool = True  # xtop.model.SourceInfo.follows_tcp


Cell = Callable[[Flow, Scene, int], Span]  # flow, scene, width -> text of that width


def _by_magnitude(value: float, first: int = 0) -> Ink:
    """Return the ink of a quantity: one step for each SI prefix from ``first`` on, which the unit says in words."""
    inks: tuple[Ink, ...] = ("dim", "base", "strong", "title")
    return inks[max(0, min(len(inks) - 1, units.magnitude(value) - first))]


def rate(of: Callable[[Flow], float]) -> Cell:
    """Return the cell of a rate, bits per second."""
    return lambda flow, scene, width: (units.rate(of(flow), scene.in_bytes), _by_magnitude(of(flow)))


def count(of: Callable[[Flow], float]) -> Cell:
    """Return the cell of a number of things."""
    return lambda flow, scene, width: (units.count(of(flow)), _by_magnitude(of(flow)))


def volume(of: Callable[[Flow], int]) -> Cell:
    """Return the cell of a number of bytes."""
    return lambda flow, scene, width: (units.volume(of(flow)), _by_magnitude(of(flow)))


def known(cell: Cell) -> Cell:
    """Return ``cell``, blank where the details of a group are not known."""
    return lambda flow, scene, width: cell(flow, scene, width) if flow.first_seen else ("", "dim")


def address(name: str) -> Cell:
    """Return the cell of the address in field ``name``, or its name."""

    def cell(flow: Flow, scene: Scene, width: int) -> Span:
        text = getattr(flow, name)
        return elided(printable(scene.naming.host(text) or text), width), "base"

    return cell


def source_port(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the initiator's port."""
    return (str(flow.source_port) if flow.source_port else ""), "dim"


def destination_port(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the responder's port or its name; ICMP's type and code."""
    if flow.protocol in ICMP:
        kind, code = divmod(flow.destination_port, 256)
        return f"{kind}/{code}", "dim"
    name = scene.naming.port(flow.protocol, flow.destination_port)
    if name and len(name) <= width:
        return name, "base"
    return (str(flow.destination_port) if flow.destination_port else ""), "base"


def service(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the name of the responder's port."""
    if flow.protocol in ICMP:
        return "", "base"
    name = printable(scene.naming.service(flow.protocol, flow.destination_port))
    return name if len(name) <= width else name[: width - 1] + "…", "base"


def processes(flow: Flow, scene: Scene, width: int) -> Span:
    """Return this host's processes at the flow's ends."""
    names = dict.fromkeys(str(process) for process in scene.naming.processes(flow))
    return elided(printable(", ".join(names)), width), "base"


def containers(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the containers of those processes."""
    names = dict.fromkeys(process.container for process in scene.naming.processes(flow) if process.container)
    return elided(printable(", ".join(names)), width), "base"


def arrow(flow: Flow, scene: Scene, width: int) -> Span:
    """Return which directions were seen."""
    return ("↔" if flow.reverse.packets else "→"), "dim"


def state(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the TCP state, or why the flow ended."""
    if flow.end_reason:
        return f"■ {flow.end_reason.replace('cache_full', 'full')}"[:width], "dim"
    return (flow.tcp_state or "").replace("_", "-")[:width], "base"


def end(flow: Flow, scene: Scene, width: int) -> Span:
    """Return why the flow ended."""
    return {None: "", "cache_full": "full", "shutdown": "exit"}.get(flow.end_reason, flow.end_reason or ""), "dim"


def trend(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the curve of the last rates."""
    return sparkline(scene.trend, TREND_LENGTH).rjust(width), "bar"


def share(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the flow's part of all that is received."""
    part = flow.bps * scene.sampling / scene.total_bps if scene.total_bps > 0 else 0
    if scene.sampling > 1:
        return ESTIMATE_MARK + units.brief_percent(part), "base"
    return units.percent(part), "base"


def rtt(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the TCP round-trip time."""
    return ("" if flow.rtt_us is None else units.age(flow.rtt_us * 1000)), "base"


def retransmissions(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the TCP retransmissions."""
    if flow.protocol not in (TCP, 0):
        return "", "dim"
    number = retransmitted(flow)
    if number == 0 and not scene.follows_tcp:
        return "-", "dim"
    return units.count(number), "warn" if number else "dim"


def retransmitted(flow: Flow) -> int:
    """Return the retransmissions of both directions."""
    return flow.forward.retransmissions + flow.reverse.retransmissions


def seen_flags(flow: Flow) -> int:
    """Return the TCP flags of both directions."""
    return flow.forward.tcp_flags | flow.reverse.tcp_flags


def flags(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the TCP flags seen, a letter each."""
    seen = seen_flags(flow)
    return ("".join(name if seen >> bit & 1 else "·" for bit, name in enumerate(TCP_FLAGS)) if seen else ""), "base"


def both(of: Callable[[Direction], int]) -> Cell:
    """Return the cell of a value that each direction has."""

    def cell(flow: Flow, scene: Scene, width: int) -> Span:
        return "/".join(str(of(side)) if side.packets else "-" for side in (flow.forward, flow.reverse)), "base"

    return cell


def since(of: Callable[[Flow], int]) -> Cell:
    """Return the cell of the time since a moment."""
    return lambda flow, scene, width: (units.age(scene.taken_at - of(flow)), "base")


def tunnel(flow: Flow, scene: Scene, width: int) -> Span:
    """Return what carried the flow."""
    return elided(printable(str(flow.tunnel or "")), width), "base"


def entropy(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the payload's entropy."""
    return ("" if flow.entropy is None else f"{flow.entropy:.2f}"), "base"


def vlan(flow: Flow, scene: Scene, width: int) -> Span:
    """Return the outermost VLAN id."""
    return (str(flow.vlan) if flow.vlan else ""), "base"
