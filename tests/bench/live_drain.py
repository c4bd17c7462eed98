# SPDX-License-Identifier: BSD-2-Clause
"""What flows cost a live capture: the worker beside a drain that only recycles frames, in pairs, at full speed.

``python -m tests.bench.live_drain``; needs root. AF_XDP on veth, native copy mode, the sender on CPU 1, the worker on
CPU 0. ``in hand`` is the time that a worker had frames in hand, a packet: taken, counted, recycled, published. ``CPU``
is the thread's CPU time, a packet; a worker on a busy link looks for the next frame awake, so that is in it as well.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path

from tests.bench.live_run import Live, Traffic, live_run
from tests.bench.program_cost import spread

RESULT = Path(__file__).resolve().parents[2] / "build/bench-live.json"
WAYS = {"drain": ("--drain",), "flows": ()}
FLOWS = (65_536, 1_000_000)


def pairs(flows: int, frames: int, rounds: int, ring: int) -> dict[str, list[Live]]:
    """Run both ways in each round; who is first alternates."""
    runs: dict[str, list[Live]] = {way: [] for way in WAYS}
    for turn in range(rounds):
        for way in list(WAYS)[:: -1 if turn % 2 else 1]:
            runs[way].append(live_run(Traffic(frames, flows), "-N", "-c", "--cpus", "0", *WAYS[way], ring=ring))
    return runs


def lines(results: dict[int, dict[str, list[Live]]]) -> Iterable[str]:
    """Yield a table in Markdown; figures are median (least-most)."""
    yield "| flows | | Mpps received | in hand, ns a packet | CPU, ns a packet | lost of all sent, % |"
    yield "| ---: | --- | ---: | ---: | ---: | ---: |"
    for flows, runs in results.items():
        for way, lives in runs.items():
            mpps = spread([live.mpps for live in lives]).text(2)
            busy, cpu = (spread([getattr(live, name) for live in lives]).text(1) for name in ("busy_ns", "cpu_ns"))
            lost = spread([100 * live.lost / live.sent for live in lives]).text(2)
            yield f"| {flows:,} | {way} | {mpps} | {busy} | {cpu} | {lost} |"
        both = list(zip(runs["flows"], runs["drain"], strict=True))
        ratios = [
            spread([getattr(a, name) / getattr(b, name) for a, b in both]).text(2) for name in ("busy_ns", "cpu_ns")
        ]
        yield f"| {flows:,} | flows / drain | | {ratios[0]} | {ratios[1]} | |"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=8_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ring", type=int, default=16384)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    results = {flows: pairs(flows, options.frames, options.rounds, options.ring) for flows in FLOWS}
    print("\n".join(lines(results)))
    unseen = sum(live.unseen for runs in results.values() for lives in runs.values() for live in lives)
    print(
        f"\n{options.frames:,} frames of 64 bytes, ring {options.ring}, {options.rounds} rounds; {unseen} frames unseen"
    )
    print(f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    written = {
        flows: {way: [vars(live) for live in lives] for way, lives in runs.items()} for flows, runs in results.items()
    }
    RESULT.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
