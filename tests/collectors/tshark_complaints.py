# SPDX-License-Identifier: BSD-2-Clause
"""What tshark has to say against IPFIX messages."""

from __future__ import annotations

import subprocess
from pathlib import Path

FILTER = "_ws.malformed || _ws.expert.severity >= 0x400000"  # notes, warnings, errors


def complaints(file: Path, *options: str) -> list[str]:
    """Return a line for each frame of ``file`` (IPFIX, or pcap) that is malformed or suspicious to tshark."""
    command = ["tshark", "-r", str(file), *options, "-Y", FILTER]
    command += ["-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return done.stdout.decode().splitlines()
