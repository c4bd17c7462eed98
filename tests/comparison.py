# SPDX-License-Identifier: BSD-2-Clause
"""xtop beside three other programs, on every capture of a directory: ``python -m tests.comparison DIRECTORY``.

tshark (its dissection, aggregated by tests/scenarios/tshark_flows.py) must agree with xtop in everything: each flow's
key, VLAN, lives, times, directions, packets and bytes. nfpcapd and softflowd are flow meters with rules of their own;
they are held against xtop direction by direction (addresses, ports, protocol; packets and IP bytes), over the whole
file, with and without the opening of tunnels, whichever agrees better. Where they differ, ``REASONS`` must say why: a
difference without a reason fails, and so does a reason without a difference.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.comparison_reasons import REASONS
from tests.scenarios import tshark_flows
from tests.scenarios.flow_reading import expected_flows, life_differences, snapshot_flows, sum_differences

XTOP = Path(sys.executable).parent / "xtop"
PATIENCE_S = 60
ICMP = (1, 58)

Way = tuple[str, str, int, int, int]  # source, destination, their ports (0 for ICMP), protocol
Ways = dict[Way, tuple[int, int]]  # packets, IP bytes


@dataclass(frozen=True)
class Row:
    """What the table says of one file."""

    name: str
    frames: int
    accounted: int
    bytes: int
    flows: int
    tshark: str
    others: tuple[str, ...]
    unexplained: tuple[str, ...]


def run(*command: str | Path, stdin: Path | None = None) -> str:
    """Return what a program writes on its standard output and error."""
    with (stdin or Path("/dev/null")).open("rb") as words:
        done = subprocess.run(
            list(map(str, command)), stdin=words, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S
        )
    return done.stdout + done.stderr


def added(parts: Iterable[tuple[Way, int, int]]) -> Ways:
    """Return sums by direction, without those of no packet."""
    packets, size = Counter[Way](), Counter[Way]()
    for (source, destination, source_port, destination_port, protocol), count, octets in parts:
        ports = (0, 0) if protocol in ICMP else (source_port, destination_port)
        way = (source, destination, *ports, protocol)
        packets[way] += count
        size[way] += octets
    return {way: (packets[way], size[way]) for way in packets if packets[way]}


# ---- The programs


def read_xtop(path: Path, *options: str) -> dict[str, Any]:
    """Return the snapshot of a whole file."""
    command = [str(XTOP), "snapshot", "-r", str(path), "--ended", "--format", "json", "-o", "-", *options]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S)
    snapshot: dict[str, Any] = json.loads(done.stdout)
    return snapshot


def xtop_ways(snapshot: dict[str, Any]) -> Ways:
    """Return a snapshot's directions."""

    def parts() -> Iterable[tuple[Way, int, int]]:
        for flow in snapshot["flows"]:
            there = (flow["source"], flow["destination"], flow["source_port"], flow["destination_port"])
            back = (there[1], there[0], there[3], there[2])
            for ends, side in ((there, flow["forward"]), (back, flow["reverse"])):
                yield (*ends, flow["protocol"]), side["packets"], side["bytes"]

    return added(parts())


def nfpcapd_ways(path: Path) -> Ways:
    """Run nfpcapd over the file and nfdump over what it wrote."""
    with tempfile.TemporaryDirectory() as directory:
        run("nfpcapd", "-r", path, "-w", directory, "-s", "9216")
        text = run("nfdump", "-q", "-R", directory, "-o", "json")
        flows = json.loads(f"[{text.strip().rstrip(']')}]") if text.startswith("{") else []  # -q leaves out the "["

    def parts() -> Iterable[tuple[Way, int, int]]:
        for flow in flows:
            ends = [flow.get(f"{end}4_addr") or flow.get(f"{end}6_addr") or "?" for end in ("src", "dst")]
            ports = flow.get("src_port", 0), flow.get("dst_port", 0)
            yield (ends[0], ends[1], *ports, flow["proto"]), flow["in_packets"], flow["in_bytes"]

    return added(parts())


SOFTFLOWD_LINE = re.compile(
    r"EXPIRED: seq:\d+ \[(.*?)\]:(\d+) <> \[(.*?)\]:(\d+) proto:(\d+) "
    r"octets>:(\d+) packets>:(\d+) octets<:(\d+) packets<:(\d+)"
)


def softflowd_ways(path: Path) -> Ways:
    """Run softflowd over the file; its debugging output names every flow. (With ``-r FILE`` it hangs: 1.1.0.)"""
    with tempfile.TemporaryDirectory() as directory:
        control = ("-p", f"{directory}/pid", "-c", f"{directory}/control")
        words = run("softflowd", "-D", "-6", "-m", "100000", *control, "-r", "-", stdin=path)

    def parts() -> Iterable[tuple[Way, int, int]]:
        for one, one_port, two, two_port, protocol, *counts in SOFTFLOWD_LINE.findall(words):
            there = (one, two, int(one_port), int(two_port), int(protocol))
            back = (two, one, int(two_port), int(one_port), int(protocol))
            octets, packets, octets_back, packets_back = map(int, counts)
            yield there, packets, octets
            yield back, packets_back, octets_back

    return added(parts())


METERS: dict[str, Callable[[Path], Ways]] = {"nfpcapd": nfpcapd_ways, "softflowd": softflowd_ways}


# ---- The comparison


def agreement(ours: Ways, theirs: Ways) -> int:
    """Return how many directions are the same in both, packets and bytes."""
    return sum(theirs.get(way) == sums for way, sums in ours.items())


def held_against(name: str, path: Path, choices: list[Ways]) -> tuple[str, str]:
    """Return the table's cell for a meter, and what is unexplained."""
    theirs = METERS[name](path)
    ours = max(choices, key=lambda ways: agreement(ways, theirs))
    reason = REASONS.get((name, path.name), "")
    if ours == theirs:
        return "equal", f"{name} agrees, but a reason is given" if reason else ""
    said = f"{agreement(ours, theirs)} of {len(ours | theirs)}"
    return f"{said}: {reason}", "" if reason else f"{name}: {said}, no reason: {first_differences(ours, theirs)}"


def first_differences(ours: Ways, theirs: Ways) -> str:
    """Return some differences, to find the reason by."""
    different = [way for way in ours | theirs if ours.get(way) != theirs.get(way)]
    return "; ".join(f"{way} {ours.get(way)} / {theirs.get(way)}" for way in different[:4])


def against_tshark(path: Path, snapshot: dict[str, Any]) -> list[str]:
    """Return a line for each difference."""
    expected: dict[str, Any] = json.loads(tshark_flows.as_text(tshark_flows.expect(path)))
    seen, wanted = snapshot_flows(snapshot), expected_flows(expected)
    lines = sum_differences(seen, wanted) + life_differences(seen, wanted)
    law = snapshot["accounting"]
    names = ("received", "accounted", "non_ip", "malformed")
    return lines + [f"{name}: {law[name]}, must be {expected[name]}" for name in names if law[name] != expected[name]]


def compare(path: Path) -> Row:
    """Hold one file against all programs."""
    snapshot, closed = read_xtop(path), read_xtop(path, "--no-decap")
    differences = against_tshark(path, snapshot)
    cells = [held_against(name, path, [xtop_ways(snapshot), xtop_ways(closed)]) for name in METERS]
    law = snapshot["accounting"]
    return Row(
        path.name,
        law["received"],
        law["accounted"],
        sum(flow["bytes"] for flow in snapshot["flows"]),
        len(snapshot_flows(snapshot)),
        f"{len(differences)} differences" if differences else "equal",
        tuple(cell for cell, _ in cells),
        (*differences, *(fault for _, fault in cells if fault)),
    )


def table(rows: Iterable[Row]) -> str:
    """Return the rows in Markdown."""
    head = ("file", "frames", "IP packets", "IP bytes", "flows", "tshark", *METERS)
    lines = [f"| {' | '.join(head)} |", "| --- | ---: | ---: | ---: | ---: | --- " + "| --- " * len(METERS) + "|"]
    for row in rows:
        cells = (row.name, row.frames, row.accounted, row.bytes, row.flows, row.tshark, *row.others)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


PAGE = """<!-- SPDX-License-Identifier: BSD-2-Clause -->
# xtop beside other programs

Written by `make comparison` (tests/comparison.py), which fails where a difference has no reason, or a reason no
difference.

* **tshark** ({tshark}) dissects each packet; tests/scenarios/tshark_flows.py adds its fields up by the rules of the
  flow key, on the innermost IP header. It must agree in everything: keys, VLAN, lives, times, directions, packets,
  bytes, and how many frames were no IP or malformed.
* **nfpcapd** ({nfdump}) and **softflowd** ({softflowd}) are flow meters with rules of their own. Each direction of each
  flow over the whole file is held against theirs: addresses, ports, protocol, packets, IP bytes. Where they do not open
  a tunnel, xtop's `--no-decap` is what they are held against. `109 of 111` says how many directions are the same.

Packets and bytes are those that xtop counts in flows; a flow is a key, whatever its number of lives.

{table}"""


def version(command: tuple[str, ...], pattern: str) -> str:
    """Return what a program says of its version."""
    found = re.search(pattern, run(*command))
    return found.group(1) if found else "version unknown"


def page(rows: Iterable[Row]) -> str:
    """Return the table with what it means."""
    return PAGE.format(
        tshark=version(("tshark", "--version"), r"TShark \(Wireshark\) (\S+?)[. ]?\s"),
        nfdump=version(("nfdump", "-V"), r"Version: \S*?(\d[\d.]*)"),
        softflowd=version(("softflowd", "-h"), r"softflowd version (\S+?)[.]?\s"),
        table=table(rows),
    )


def main() -> int:
    """Compare, print the table, and say on standard error what is unexplained."""
    parser = argparse.ArgumentParser(description="xtop beside tshark, nfpcapd and softflowd.")
    parser.add_argument("directory", type=Path, help="of capture files")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the table goes there, with what it means")
    options = parser.parse_args()
    missing = [name for name in ("tshark", "nfdump", *METERS) if shutil.which(name) is None]
    if missing:
        package = {"nfpcapd": "nfdump"}.get(missing[0], missing[0])
        print(f"comparison: error: {missing[0]} is missing (run: sudo apt-get install {package})", file=sys.stderr)
        return 2
    paths = [path for path in sorted(options.directory.iterdir()) if path.suffix in (".pcap", ".pcapng", ".cap")]
    rows = [compare(path) for path in paths]
    if options.write:
        options.write.write_text(page(rows), encoding="utf-8")
    else:
        print(table(rows), end="")
    faults = [f"{row.name}: {fault}" for row in rows for fault in row.unexplained]
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
