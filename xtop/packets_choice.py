# SPDX-License-Identifier: BSD-2-Clause
"""Whether there are packets to be had of a flow, and where they go."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from xtop.model import CaptureState, Flow, Snapshot, View

FINAL = (CaptureState.DONE, CaptureState.FAILED)


def no_packets(flow: Flow | None, shown: Snapshot | None, view: View, source: object) -> str | None:
    """Return why there are no packets of ``flow`` to be had, in one line; None: there are."""
    if flow is None or shown is None:
        return "no flow is selected (↓ selects one)"
    if shown.source.kind == "file":
        return f"the packets are in the file: tshark -r {shown.source.name} -Y '…' -w out.pcapng takes them out"
    if view.group != "flow":
        return f"this row is many flows, added up by {view.group}; packets are of one flow"
    if shown.source.capture == "ebpf":
        return "eBPF counts in the kernel and has no packets (start with --capture af_packet)"
    if flow.end_reason is not None or shown.state in FINAL:
        return "this flow has ended: no more packets of it come"
    if not hasattr(source, "tap"):
        return "what was recorded has flows and no packets"
    return None


def packets_path(flow: Flow, now: datetime) -> Path:
    """Return the file for the packets of ``flow``, in the working directory; its name tells the flow and the time."""
    ends = f"{flow.source}.{flow.source_port}-{flow.destination}.{flow.destination_port}".replace(":", "_")
    return Path.cwd() / f"xtop-{ends}-{now:%Y%m%d-%H%M%S}.pcapng"
