# SPDX-License-Identifier: BSD-2-Clause
"""What every test of an export needs: xtop itself, and captures that were made once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.traffic import write_every_kind

XTOP = Path(sys.executable).parent / "xtop"

RunXtop = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def run_xtop() -> RunXtop:
    """Return a function that runs xtop to its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([str(XTOP), *map(str, arguments)], capture_output=True, timeout=90, check=False)

    return run


@pytest.fixture(scope="session")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture with a flow of every kind."""
    return write_every_kind(tmp_path_factory.mktemp("traffic") / "every-kind.pcap")


@pytest.fixture(scope="session")
def read_json(run_xtop: RunXtop) -> Callable[[Path], dict[str, Any]]:
    """Return what xtop's JSON says of a capture."""

    def read(capture: Path) -> dict[str, Any]:
        done = run_xtop("snapshot", "-r", capture, "--format", "json", "-o", "-")
        assert done.returncode == 0, done.stderr.decode()
        snapshot: dict[str, Any] = json.loads(done.stdout)
        return snapshot

    return read
