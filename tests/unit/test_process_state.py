# SPDX-License-Identifier: BSD-2-Clause
"""A capture that was stopped is told from one that runs, and from other processes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from xtop.process_state import is_stopped

PATIENCE_S = 20.0


def wait_for(stopped: bool, pid: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while is_stopped(pid) != stopped:
        assert time.monotonic() < end, f"stopped: {not stopped}"
        time.sleep(0.01)


def test_a_stopped_process_and_one_that_goes_on(tmp_path: Path) -> None:
    program = tmp_path / "xtop-capture"  # the kernel's name of a process is its file's
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        try:
            wait_for(False, process.pid)
            process.send_signal(signal.SIGSTOP)
            wait_for(True, process.pid)
            process.send_signal(signal.SIGCONT)
            wait_for(False, process.pid)
        finally:
            process.kill()
    assert not is_stopped(process.pid), "it is gone"


def test_another_process_of_that_number_is_not_it(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    stat = tmp_path / "7" / "stat"
    for text, stopped in [
        ("7 (xtop-capture) T 1 7 7 0", True),
        ("7 (xtop-capture) t 1 7 7 0", True),
        ("7 (xtop-capture) S 1 7 7 0", False),
        ("7 (bash) T 1 7 7 0", False),
        ("7 (a) T (b) S 1 7 7 0", False),
        ("", False),
    ]:
        stat.write_text(text)
        assert is_stopped(7, tmp_path) == stopped, text
    assert not is_stopped(8, tmp_path)
