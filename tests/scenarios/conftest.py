# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures that run the real xtop over a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

XTOP = Path(sys.executable).parent / "xtop"

RunXtop = Callable[..., subprocess.CompletedProcess[bytes]]
ReadCapture = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def run_xtop() -> RunXtop:
    """Return a function that runs xtop to its end."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [str(XTOP), *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)

    return run


@pytest.fixture(scope="session")
def read_capture(run_xtop: RunXtop) -> ReadCapture:
    """Return a function that reads a whole capture: every flow, ended ones too."""

    def read(path: Path, *arguments: str) -> dict[str, Any]:
        done = run_xtop("snapshot", "-r", path, "--ended", "--format", "json", "-o", "-", *arguments)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        snapshot: dict[str, Any] = json.loads(done.stdout)
        assert snapshot["schema"] == "xtop.snapshot/1"
        return snapshot

    return read
