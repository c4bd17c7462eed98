# SPDX-License-Identifier: BSD-2-Clause
"""What this kernel and driver have to offer, and what xtop makes of it by itself."""

from __future__ import annotations

import contextlib
import io
import json

from xtop.cli import main
from xtop.ethtool.netdev import read_xdp_features
from xtop.ethtool.refusal import Refusal

from .captures import Series
from .check_modes import confirm_flows
from .known_set import known_set
from .links import Fault, Nic, Sender


def check_auto(captured: Nic, sender: Sender) -> str:
    """Without a mode on the command line: the best there is, with the reason for each step down."""
    captured.most_queues(4)
    frames = known_set(16)[1]
    with Series(captured.name, "--ring", "2048") as series:
        sender.send(frames)
        snapshot = series.until(lambda seen: seen["accounting"]["received"] >= len(frames), "all frames are there")
    source = snapshot["source"]
    copies = "zero copy" if source["zero_copy"] else "copy"
    notes = [note for note in source["notes"] if "lost its link" not in note]
    return f"{source['xdp_mode']}, {copies}" + "".join(f"; {note}" for note in notes)


def check_ebpf(captured: Nic, sender: Sender) -> str:
    """Counting in the kernel where packets pass by, on tcx or as clsact filters."""
    talks, frames = known_set(32)
    to_host = bytes.fromhex(captured.read("address").replace(":", ""))
    with Series(captured.name, "--capture", "ebpf") as series:
        sender.send([to_host + frame[6:] for frame in frames])
        series.until(lambda seen: seen["accounting"]["received"] >= len(frames), "all frames are there")
        snapshot = series.next()
    confirm_flows(snapshot["flows"], talks)
    clsact = any("clsact" in note for note in snapshot["source"]["notes"])
    return f"{len(frames)} frames, {'clsact filters' if clsact else 'tcx'}"


def check_features(captured: Nic, sender: Sender) -> str:
    """What the driver declares by netdev's xdp-features (Linux 6.3), and what xtop doctor tells of it."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = main(["doctor", "-i", captured.name, "--format", "json"])
    if status:
        raise Fault(f"xtop doctor ended with {status}")
    findings = {item["name"]: item for item in json.loads(said.getvalue())["interfaces"][0]["findings"]}
    try:
        features = read_xdp_features(int(captured.read("ifindex")))
    except Refusal as refusal:
        if findings["zero copy"]["verdict"] != "unknown":
            raise Fault(f"the kernel tells nothing, xtop doctor {findings['zero copy']}") from None
        return f"not told ({refusal})"
    declared = {
        "native": features.native,
        "redirect": features.redirect,
        "zero copy": features.zero_copy,
        "multi-buffer": features.fragments,
    }
    if (findings["zero copy"]["verdict"] == "ok") != features.zero_copy:
        raise Fault(f"{declared}, but xtop doctor says {findings['zero copy']}")
    return ", ".join(name for name, there in declared.items() if there) or "none"
