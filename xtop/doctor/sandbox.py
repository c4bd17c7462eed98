# SPDX-License-Identifier: BSD-2-Clause
"""What a running xtop-capture has given up: one is started for it, over traffic that it makes itself."""

from __future__ import annotations

from contextlib import closing

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.machine_files import MachineFiles
from xtop.settings import CaptureSettings
from xtop.source import SourceError

WHY = "of a capture started to see it: who takes it over by a hostile frame gains nothing but what crosses the link"


def sandbox_findings(files: MachineFiles) -> list[Finding]:
    """Start a capture, look at it in /proc, and end it."""
    from xtop.shm_source import ShmSource

    try:
        with closing(ShmSource.start(CaptureSettings(demo=True, max_flows=1024, demo_rate=1))) as source:
            capture = source.capture_id()
            status = files.text(f"proc/{capture.pid}/status")
            return [sandbox_finding(status, capture.sandboxed_files)]
    except SourceError as error:
        return [unseen("sandbox", str(error), WHY)]


def sandbox_finding(status: str | None, files: bool) -> Finding:
    """Judge the text of /proc/PID/status; ``files`` says that Landlock is in force, which /proc does not tell."""
    if status is None:
        return unseen("sandbox", "/proc does not show xtop-capture", WHY)
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    layers = {
        "capabilities dropped": int(lines.get("CapEff", "1"), 16) == 0 and int(lines.get("CapPrm", "1"), 16) == 0,
        "no_new_privs": lines.get("NoNewPrivs", "").strip() == "1",
        "seccomp": lines.get("Seccomp", "").strip() == "2",
        "Landlock": files,
    }
    missing = [name for name, there in layers.items() if not there]
    found = ", ".join(name for name, there in layers.items() if there) or "none"
    if not missing:
        return Finding("sandbox", Verdict.OK, found, WHY)
    found += f"; not: {', '.join(missing)}"
    serious = any(name in missing for name in ("capabilities dropped", "no_new_privs"))
    return Finding("sandbox", Verdict.PROBLEM if serious else Verdict.BETTER, found, WHY)
