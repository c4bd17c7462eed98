# SPDX-License-Identifier: BSD-2-Clause
"""Before which sessions the screen's comes, by what the kernel says of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xtop.commands.precedence import AUTOGROUP

ASK = """
from pathlib import Path
from xtop.commands.precedence import come_before_other_sessions
come_before_other_sessions()
print(Path("/proc/self/autogroup").read_text().split()[-1])
"""
ROOT = Path(__file__).parents[2]


def _nice(*before: str) -> int:
    """Return the nice value of a new session in which ``before`` and a Python ran."""
    command = [*before, sys.executable, "-c", ASK]
    ran = subprocess.run(command, start_new_session=True, capture_output=True, text=True, cwd=ROOT, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel was built without CONFIG_SCHED_AUTOGROUP")
@pytest.mark.skipif(os.geteuid() != 0, reason="to come before others takes CAP_SYS_NICE: run as root")
def test_a_session_of_its_own_comes_first_and_a_shells_stays_as_it_was() -> None:
    """Whoever leads a session puts it before others; whoever was started in another's does not."""
    assert _nice() == -10
    assert _nice("sh", "-c", '"$@"; exit $?', "sh") == 0
