# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from xtop.cli import COMMANDS
from xtop.keymap import ALL_KEYS
from xtop.manual import manual


def test_every_key_and_command_is_in_it() -> None:
    page = manual().replace("\\-", "-").replace("\\(dq", '"').replace("\\&", "").replace("\\e", "\\")
    for key in ALL_KEYS:
        assert f".B {key.shown}\n{key.help}\n" in page
    for name in filter(None, COMMANDS):
        assert f'.SS "xtop {name}"' in page
    assert "--overwrite" in page


def test_man_reads_it_without_a_warning(tmp_path: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is missing (run: sudo apt-get install man-db)")
    page = tmp_path / "xtop.1"
    page.write_text(manual(), encoding="utf-8")
    environment = os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANROFFSEQ": ""}
    done = subprocess.run(
        ["man", "--warnings=w", "-l", str(page)], capture_output=True, text=True, env=environment, timeout=60
    )
    if done.returncode and "command not found" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "EXIT STATUS" in done.stdout
