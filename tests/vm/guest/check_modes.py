# SPDX-License-Identifier: BSD-2-Clause
"""Every packet of a known set arrives exactly once, with its flow right, in a mode, over so many queues."""

from __future__ import annotations

from typing import Any

from .captures import Drain, Series
from .known_set import Conversation, content_sum, known_set
from .links import Fault, Nic, Sender, wait_until
from .tracing import CopyCount

MODES = {"generic": ("-S", "-c"), "copy": ("-N", "-c"), "zero copy": ("-N", "-z")}
DRAIN_MODES = {"generic": ("--generic", "--copy"), "copy": ("--native", "--copy"), "zero copy": ("--native", "--zero")}
CONVERSATIONS = 128


def check_mode(captured: Nic, sender: Sender, mode: str, queues: int) -> str:
    """Run it; what was seen, or a Fault, or Refused with the kernel's words."""
    captured.queues(queues)
    talks, frames = known_set(CONVERSATIONS)
    with Series(captured.name, "--ring", "2048", *MODES[mode]) as series:
        _confirm_mode(captured, series.first, mode, queues)
        with CopyCount() as copies:
            sender.send(frames)
            snapshot = series.until(lambda seen: seen["accounting"]["received"] >= len(frames), "all frames are there")
        snapshot = series.next()
        _confirm_counts(snapshot, len(frames), queues)
        confirm_flows(snapshot["flows"], talks)
        copied = copies.confirm(mode, len(frames))
    _confirm_contents(captured, sender, mode, frames)
    used = sum(queue["packets"] > 0 for queue in snapshot["queues"])
    return f"{len(frames)} frames by {used} of {queues} queues{copied}"


def _confirm_mode(captured: Nic, snapshot: dict[str, Any], mode: str, queues: int) -> None:
    source = snapshot["source"]
    attached = captured.xdp_mode()
    expected = ("generic", False, "xdpgeneric") if mode == "generic" else ("native", mode == "zero copy", "xdp")
    found = (source["xdp_mode"], source["zero_copy"], attached)
    if found != expected:
        raise Fault(f"xtop and the kernel say {found}, not {expected}")
    if [queue["queue"] for queue in snapshot["queues"]] != list(range(queues)):
        raise Fault(f"queues {snapshot['queues']}")


def _confirm_counts(snapshot: dict[str, Any], sent: int, queues: int) -> None:
    terms = dict(snapshot["accounting"])
    received = terms.pop("received")
    if received != sum(terms.values()) or received != sent or snapshot["lost"]["total"]:
        raise Fault(f"{sent} sent: {snapshot['accounting']}, lost {snapshot['lost']}")
    if sum(queue["packets"] for queue in snapshot["queues"]) != received:
        raise Fault(f"the queues do not add up to {received}: {[queue['packets'] for queue in snapshot['queues']]}")
    used = sum(queue["packets"] > 0 for queue in snapshot["queues"])
    if queues > 1 and used < 2:
        raise Fault(f"{used} of {queues} queues got frames")


def confirm_flows(flows: list[dict[str, Any]], talks: list[Conversation]) -> None:
    """Hold the flows of a snapshot against what was sent: ends, protocol, and what each direction carried."""

    def side(flow: dict[str, Any], name: str) -> tuple[int, int, int]:
        return flow[name]["packets"], flow[name]["bytes"], flow[name]["payload_bytes"]

    ends = ("source", "destination", "source_port", "destination_port", "protocol")
    seen = sorted((*(flow[name] for name in ends), side(flow, "forward"), side(flow, "reverse")) for flow in flows)
    expected = sorted(talk.expected() for talk in talks)
    if seen != expected:
        wrong = [pair for pair in zip(seen, expected, strict=False) if pair[0] != pair[1]][:2]
        raise Fault(f"{len(seen)} flows of {len(expected)}; seen and expected: {wrong}")


def _confirm_contents(captured: Nic, sender: Sender, mode: str, frames: list[bytes]) -> None:
    with Drain(captured.name, "--sum", "--ring", "2048", *DRAIN_MODES[mode]) as drain:
        sender.send(frames)
        wait_until(lambda: drain.received() >= len(frames), "all frames are there, for their contents")
        counters = drain.stop()
    received = sum(queue["received"] for queue in counters["queues"])
    total = sum(queue["content_sum"] for queue in counters["queues"]) % 2**64
    if (received, total) != (len(frames), content_sum(frames)):
        raise Fault(f"{received} of {len(frames)} frames came, or other ones: their contents differ")
